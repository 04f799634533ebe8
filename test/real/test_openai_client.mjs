// The official OpenAI client, unchanged, through forewarm to the example model server: cold and warm, whole and streamed,
// aliases, embeddings, and the errors that people meet.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort, makeFolder, modelserverCommand, packages, removeFolder, skipWithoutPrograms, startForewarm, waitFor } from "./harness.mjs";

skipWithoutPrograms();
const OpenAI = createRequire(join(packages("openai_client"), "x.js"))("openai");

const messages = [{ role: "user", content: "Tell me of the river." }];
const folder = makeFolder();
let daemon, client;
const stuck = createServer((request) => request.resume()); // takes every request and never answers
const streamsForever = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  const timer = setInterval(() => response.write('data: {"choices":[{"index":0,"delta":{"content":"on "}}]}\n\n'), 5);
  response.on("close", () => {
    clearInterval(timer);
    streamsForever.clientsGone = (streamsForever.clientsGone ?? 0) + 1;
  });
});

function listen(server) {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

function fixed(id, port, more = {}) {
  return { id, upstream: `http://127.0.0.1:${port}`, warmer: { kind: "none" }, ...more };
}

async function managed(id, more = {}) {
  const port = await freePort();
  return {
    id,
    upstream: `http://127.0.0.1:${port}`,
    warmer: { kind: "exec", command: modelserverCommand(id, port) },
    probe: { path: "/v1/chat/completions", body: JSON.stringify({ model: id, messages, max_tokens: 1 }) },
    ...more,
  };
}

before(async () => {
  const broken = await managed("broken");
  broken.warmer.command = "/bin/false";
  daemon = await startForewarm(folder, {
    first_byte_timeout: "1s",
    max_body: "64KiB",
    resources: [
      await managed("poet", { aliases: ["gpt-4o-mini", "org/poet:Q4"] }),
      await managed("second"),
      broken,
      fixed("dead", await freePort()),
      fixed("stuck", await listen(stuck)),
      fixed("endless", await listen(streamsForever)),
    ],
  });
  client = new OpenAI({ apiKey: "sk-nobody-asks", baseURL: `${daemon.base}/v1`, maxRetries: 0, timeout: 60_000 });
});

after(async () => {
  const how = await daemon?.stop();
  for (const server of [stuck, streamsForever]) {
    server.closeAllConnections();
    server.close();
  }
  if (how !== 0) console.log(daemon?.output());
  removeFolder(folder);
  assert.equal(how, 0, "forewarm ends cleanly");
});

async function fails(promise, status, code) {
  const error = await promise.then(
    () => assert.fail("there was an answer"),
    (caught) => caught,
  );
  assert.ok(error instanceof OpenAI.APIError, String(error));
  assert.equal(error.status, status, `${error}`);
  assert.equal(error.code, code, `${error}`);
  assert.ok(error.error.message.length > 10, "the message says something");
  assert.equal(typeof error.type, "string");
  return error;
}

test("a cold model is waited for, and the answer says so", async () => {
  const { data, response } = await client.chat.completions.create({ model: "poet", messages, max_tokens: 5 }).withResponse();
  assert.equal(response.headers.get("x-forewarm-state"), "cold");
  assert.equal(response.headers.get("x-forewarm-resource"), "poet");
  assert.ok(Number(response.headers.get("x-forewarm-wait-ms")) > 0);
  assert.equal(data.choices[0].message.role, "assistant");
  assert.equal(data.usage.completion_tokens, 5);
});

test("warm, whole and streamed say the same", async () => {
  const ask = { model: "poet", messages, max_tokens: 12, temperature: 0 };
  const { data, response } = await client.chat.completions.create(ask).withResponse();
  assert.equal(response.headers.get("x-forewarm-state"), "warm");
  const stream = await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
  let text = "", usage, finish;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, data.choices[0].message.content);
  assert.equal(finish, data.choices[0].finish_reason);
  assert.deepEqual(usage, data.usage);
});

test("a cold model streams", async () => {
  const stream = await client.chat.completions.create({ model: "second", messages, max_tokens: 6, stream: true });
  let chunks = 0;
  for await (const chunk of stream) chunks += chunk.choices.length;
  assert.ok(chunks >= 2, `${chunks} chunks`);
});

test("aliases go to the upstream under its own name", async () => {
  for (const model of ["gpt-4o-mini", "org/poet:Q4"]) {
    const { data, response } = await client.chat.completions.create({ model, messages, max_tokens: 2 }).withResponse();
    assert.equal(response.headers.get("x-forewarm-resource"), "poet");
    assert.equal(data.model, "poet", "the server only answers to its own name");
  }
});

test("the client's helpers work: stream events, completions, embeddings, models", async () => {
  const runner = client.chat.completions.stream({ model: "poet", messages, max_tokens: 4 });
  const final = await runner.finalChatCompletion();
  assert.ok(final.choices[0].message.content.length > 0);
  const completion = await client.completions.create({ model: "poet", prompt: "Once", max_tokens: 3 });
  assert.equal(completion.object, "text_completion");
  const one = await client.embeddings.create({ model: "poet", input: "a river" }); // asked for in base 64, decoded by the client
  const two = await client.embeddings.create({ model: "poet", input: ["a river", "a stone"], encoding_format: "float" });
  assert.equal(one.data[0].embedding.length, 256);
  assert.ok(Math.abs(one.data[0].embedding[7] - two.data[0].embedding[7]) < 1e-5);
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  assert.ok(models.includes("poet") && models.includes("dead"), models.join());
});

test("an unknown model is 404 and names the model", async () => {
  const error = await fails(client.chat.completions.create({ model: "nobody", messages }), 404, "model_not_found");
  assert.match(error.error.message, /nobody/);
  assert.ok(error instanceof OpenAI.NotFoundError);
});

test("a dead upstream is 502", async () => {
  const error = await fails(client.chat.completions.create({ model: "dead", messages }), 502, "upstream_unreachable");
  assert.ok(error instanceof OpenAI.InternalServerError);
});

test("a stuck upstream is 504", async () => {
  await fails(client.chat.completions.create({ model: "stuck", messages }), 504, "upstream_timeout");
});

test("a model that cannot be warmed is 503 with the reason", async () => {
  const error = await fails(client.chat.completions.create({ model: "broken", messages }), 503, "model_failed");
  assert.ok(Number(error.headers.get("retry-after")) >= 1);
});

test("too large a body is 413 and readable", async () => {
  const large = [{ role: "user", content: "x".repeat(200_000) }];
  await fails(client.chat.completions.create({ model: "poet", messages: large }), 413, "body_too_large");
});

test("a request without a model is 400", async () => {
  await fails(client.chat.completions.create({ messages }), 400, "model_missing");
});

test("the client's own retries outlive a model that warms", async () => {
  const patient = new OpenAI({ apiKey: "x", baseURL: `${daemon.base}/v1`, maxRetries: 2, timeout: 60_000 });
  const answer = await patient.chat.completions.create({ model: "second", messages, max_tokens: 1 });
  assert.equal(answer.usage.completion_tokens, 1);
});

test("a client that aborts is let go, and so is the upstream", async () => {
  const stream = await client.chat.completions.create({ model: "endless", messages, stream: true });
  let seen = 0;
  for await (const chunk of stream) {
    assert.ok(chunk);
    if (++seen === 3) break; // the client aborts its request
  }
  await waitFor("the upstream saw its client leave", () => streamsForever.clientsGone >= 1);
  const controller = new AbortController();
  const asked = client.chat.completions.create({ model: "endless", messages, stream: true }, { signal: controller.signal });
  (await asked).controller.abort();
  await waitFor("the second one too", () => streamsForever.clientsGone >= 2);
  await waitFor("nothing is in use", async () => (await (await fetch(`${daemon.control}/v1/resources/endless`)).json()).in_use === 0);
});
