// The API as the page uses it. The token lives in this tab only, and goes into a header: an address would be kept in logs and histories.

const KEY = "ntp-dashboard-token";

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (text) => (text ? sessionStorage.setItem(KEY, text) : sessionStorage.removeItem(KEY)),
};

async function request(path, options = {}) {
  const headers = { ...(options.headers ?? {}) };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  const answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit", redirect: "error" });
  if (!answer.ok) {
    const words = await answer.json().catch(() => ({}));
    throw new ApiError(answer.status, words.error ?? `${answer.status}`);
  }
  return answer;
}

export const get = async (path) => (await request(path, { signal: AbortSignal.timeout(10000) })).json();

export const order = async (action) =>
  (await request("/v1/service/control", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ action }),
    signal: AbortSignal.timeout(15000),
  })).json();

/** One connection to a stream of events: yields {name, data} until it ends. Silence of more than 25 s ends it too. */
async function* connection(path, signal) {
  const control = new AbortController();
  const onAbort = () => control.abort();
  signal.addEventListener("abort", onAbort);
  let silence;
  const alive = () => {
    clearTimeout(silence);
    silence = setTimeout(() => control.abort(), 25000);
  };
  try {
    alive();
    const answer = await request(path, { signal: control.signal, headers: { Accept: "text/event-stream" } });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = block.split("\n").map((line) => line.split(/: ?(.*)/s, 2));
        const name = fields.find(([key]) => key === "event")?.[1];
        const data = fields.filter(([key]) => key === "data").map(([, text]) => text).join("\n");
        if (name) yield { name, data: JSON.parse(data) };
      }
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", onAbort);
    control.abort();
  }
}

/** Events for ever: what breaks is tried again, after longer and longer pauses. */
export async function follow(path, signal, { onEvent, onTrouble }) {
  let pause = 500;
  while (!signal.aborted) {
    try {
      for await (const event of connection(path, signal)) {
        pause = 500;
        onEvent(event);
      }
      if (!signal.aborted) onTrouble(new ApiError(0, "the connection was closed"));
    } catch (error) {
      if (signal.aborted) return;
      onTrouble(error);
      if (error.status === 401 || error.status === 403) return; // only a token can change that
    }
    await new Promise((done) => setTimeout(done, pause + 500 * Math.random()));
    pause = Math.min(2 * pause, 8000);
  }
}
