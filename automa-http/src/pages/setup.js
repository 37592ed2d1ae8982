// What the set-up page does: makes the first account with the token behind the # of its address.
"use strict";

const byId = (id) => document.getElementById(id);
const fields = ["username", "email", "password"];

/** Shows one of the page's sections and hides the others. */
function show(id) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== id;
}

/** Shows what is wrong with a field, or takes it away again. */
function fault(id, text) {
  const place = byId(id === "" ? "fault" : `${id}-fault`);
  place.textContent = text;
  place.hidden = text === "";
  if (id !== "") byId(id).setAttribute("aria-invalid", String(text !== ""));
}

/** Takes the token off the address, so that it stays in no history and on no screenshot. */
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(null, "", location.pathname);
  return token;
}

/** What to type to see the first answer. */
function example(username) {
  const base = new URL(".", location.href).href.replace(/\/$/, "");
  return [
    "TOKEN=$(curl -s \\",
    `  ${base}/auth/login \\`,
    `  -d username=${username} \\`,
    "  --data-urlencode password='…' \\",
    `  | sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')`,
    `curl -H "Authorization: Bearer $TOKEN" \\`,
    `  ${base}/api/v1/scripts`,
  ].join("\n");
}

async function send(token) {
  const account = { setup_token: token };
  for (const name of fields) {
    const value = byId(name).value;
    if (value !== "" || name !== "email") account[name] = value;
  }
  const response = await fetch("auth/register", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(account),
  });
  const answer = await response.json();
  if (response.ok) {
    byId("who").textContent = answer.username;
    byId("example").textContent = example(answer.username);
    byId("password").value = "";
    show("made");
    document.title = "Automa is set up";
    return;
  }
  const problems = (answer.problems ?? []).filter((it) => fields.includes(it.field));
  for (const problem of problems) fault(problem.field, `This ${problem.message}.`);
  if (problems.length > 0) byId(problems[0].field).focus();
  else if (response.status === 401) fault("", "The link is not valid any more: the server prints a new one when it starts.");
  else fault("", `${answer.title ?? "That did not work"}: ${answer.detail ?? response.status}`);
}

const token = takeToken();
if (document.body.dataset.state === "done") show("done");
else show(token === null ? "no-token" : "form");
if (token !== null && document.body.dataset.state !== "done") byId("username").focus();

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  for (const name of ["", ...fields]) fault(name, "");
  button.disabled = true;
  try {
    await send(token);
  } catch {
    fault("", "The server does not answer. Is it still running?");
  } finally {
    button.disabled = false;
  }
});
