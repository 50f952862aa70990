// What does the server say? Each answer as plain data; a failure has words for the reader and what may help.

const AWAY = "The server cannot be reached. What is shown is from before; the page tries again by itself.";

/** Everything that the page shows at an address: `{picture}`, or `{status, code, message, retrySeconds}`. */
export async function loadPicture(search, signal) {
  return answerOf(async () => {
    const early = await takeFirst();
    const response = early ?? (await fetch(`/page/data${search}`, { signal }));
    return response.ok ? { picture: await response.json() } : refusal(response);
  });
}

/** Sign in: `{}`, or why not. */
export async function signIn(key) {
  return answerOf(async () => {
    const response = await fetch("/page/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key }),
    });
    return response.ok ? {} : refusal(response);
  });
}

/** Let the browser forget the key. */
export async function signOut() {
  return answerOf(async () => {
    await fetch("/page/session", { method: "DELETE" });
    return {};
  });
}

/** The answer that was asked for before the modules were there; null when it was taken or did not come. */
function takeFirst() {
  const first = globalThis.firstAnswer ?? null;
  globalThis.firstAnswer = null;
  return first;
}

async function answerOf(asking) {
  try {
    return await asking();
  } catch (error) {
    if (error.name === "AbortError") return { aborted: true };
    return { status: 0, message: AWAY, retrySeconds: null };
  }
}

async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  const message = body.error ?? `The server answered with ${response.status}.`;
  return { status: response.status, code: body.code, message, retrySeconds: Number(response.headers.get("Retry-After")) || null };
}
