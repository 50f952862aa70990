// How does the reader sign in? With a key that goes to the server and into a cookie, and is not kept by any script.

import { byId } from "./dom.js";
import { signIn } from "./server.js";

/** Call `done` whenever the reader has signed in. */
export function listen(done) {
  byId("sign-in-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = byId("key");
    const key = input.value.trim();
    if (!key) return refuse("Enter a read key, which begins with als_, or the token of a session.");
    const { message } = await signIn(key);
    if (message) return refuse(message);
    input.value = "";
    refuse("");
    done();
  });
}

/** Ask the reader to sign in, for a reason when there is one. */
export function ask(reason = "") {
  byId("key").value = "";
  refuse(reason);
  byId("key").focus();
}

function refuse(message) {
  byId("sign-in-error").textContent = message;
  byId("key").setAttribute("aria-invalid", String(Boolean(message)));
  if (message) byId("key").focus();
}
