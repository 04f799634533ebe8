// What the end-to-end tests in JavaScript share: programs on free ports of 127.0.0.1, stopped by pid; waiting with a deadline.
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";

const source = process.env.FOREWARM_SOURCE ?? join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const build = process.env.FOREWARM_BUILD ?? join(source, "build");
export const forewarm = process.env.FOREWARM ?? join(build, "forewarm");
const modelserver = join(build, "examples", "modelserver", "modelserver");
const patienceMs = /asan|tsan/.test(build) ? 120_000 : 60_000;

export function skipWithoutPrograms() {
  for (const program of [forewarm, modelserver]) {
    try {
      accessSync(program, constants.X_OK);
    } catch {
      console.log(`SKIPPED: ${program} is not built`);
      process.exit(77);
    }
  }
}

// Installs a folder's pinned packages into the build folder, once, and returns where they are.
export function packages(folder) {
  const from = join(dirname(fileURLToPath(import.meta.url)), folder);
  const to = join(build, "test-npm", folder);
  const lock = readFileSync(join(from, "package-lock.json"), "utf8");
  const stamp = join(to, "installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return to;
  mkdirSync(to, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) writeFileSync(join(to, name), readFileSync(join(from, name)));
  const result = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: to, encoding: "utf8" });
  if (result.status !== 0) {
    console.log(`SKIPPED: npm ci in ${folder} failed; is there a network?\n${result.stderr}`);
    process.exit(77);
  }
  writeFileSync(stamp, lock);
  return to;
}

// A port nobody listens on, below those the kernel gives to outgoing connections: one of these could take it first.
export function freePort() {
  return new Promise((resolve) => {
    const port = 15000 + Math.floor(Math.random() * 17000);
    const server = createServer();
    server.on("error", () => resolve(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
}

export async function waitFor(what, condition) {
  for (const deadline = Date.now() + patienceMs; ; ) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs} ms for: ${what}`);
    await pause(10);
  }
}

export function makeFolder() {
  return mkdtempSync(join(tmpdir(), "forewarm-real-"));
}

export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
}

export function start(command, args, log) {
  const out = openSync(log, "a");
  const child = spawn(command, args, { stdio: ["ignore", out, out] });
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
  return {
    child,
    output: () => readFileSync(log, "utf8"),
    alive: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      const how = await ended;
      clearTimeout(timer);
      return how;
    },
  };
}

export function modelserverCommand(model, port) {
  const shape = ["--size", "64MiB", "--layers", "2", "--width", "256"];
  const weights = join(build, "test-weights", "64MiB-2-256-1.weights");
  mkdirSync(dirname(weights), { recursive: true });
  return [modelserver, "--model", model, "--port", String(port), "--weights", weights, ...shape].join(" ");
}

// `config` may say where to listen; free ports otherwise.
export async function startForewarm(folder, config, program = forewarm) {
  const listen = config.listen ?? `127.0.0.1:${await freePort()}`;
  const control = { listen: `127.0.0.1:${await freePort()}`, ...config.control };
  const path = join(folder, "forewarm.yaml");
  writeFileSync(path, JSON.stringify({ state: "memory:", ...config, listen, control }, null, 1));
  const running = start(program, ["serve", "-c", path], join(folder, "forewarm.log"));
  const ready = () => fetch(`http://${control.listen}/readyz`).then((answer) => answer.ok, () => false);
  await waitFor("forewarm is ready", async () => !running.alive() || (await ready()));
  if (!running.alive()) throw new Error(`forewarm ended:\n${running.output()}`);
  return { ...running, base: `http://${listen}`, control: `http://${control.listen}` };
}
