// SPDX-License-Identifier: MIT; see docs/guide/pages.md
(() => {
  const last = (resource) => {
    try { return JSON.parse(localStorage['forewarm:' + resource]); } catch { return {}; }
  };
  const fw = window.forewarm = {
    url: new URL('.', document.currentScript.src).href,
    last,
    async warm(resource, { on, element = document, cooldown = 60, timeout = 300 } = {}) {
      const key = 'forewarm:' + resource;
      let tabs, begun, signal;
      const keep = (more) => {
        try { localStorage[key] = JSON.stringify({ ...last(resource), ...more }); } catch {}
      };
      const show = (detail) => dispatchEvent(new CustomEvent('forewarm', { detail }));
      const call = async (path, more) => {
        const headers = fw.token ? { authorization: 'Bearer ' + fw.token } : {};
        const answer = await fetch(fw.url + path, { headers, signal, ...more });
        const state = await answer.json();
        if (!answer.ok) throw state.error;
        show(state);
        tabs.postMessage(state);
        return state;
      };
      const look = () => call('warmup-status?resource=' + encodeURIComponent(resource));
      const post = () => {
        keep({ asked: begun });
        return call('start-warmup', { method: 'POST', keepalive: true, body: JSON.stringify({ resource }) });
      };
      try {
        if (on == 'input') await new Promise((go) => element.addEventListener(on, go, { once: true }));
        begun = Date.now();
        signal = AbortSignal.timeout(timeout * 1e3);
        tabs = new BroadcastChannel(key);
        tabs.onmessage = (event) => show(event.data);
        let state = await (begun - last(resource).asked < cooldown * 1e3 ? look() : post());
        const watch = async () => {
          for (; state.in_progress; state = await look()) await new Promise((go) => setTimeout(go, 500));
        };
        await (navigator.locks?.request(key, { signal }, watch) ?? watch());
        if (state.ready) keep({ ready: Date.now() });
        return { ...state, status: state.ready ? 'warmed' : 'failed' };
      } catch (error) {
        return { status: 'failed', error: error.message };
      } finally {
        tabs?.close();
      }
    },
  };
})();
