// Owns the talk with the sandbox: JSON calls, uploads with progress, the stream of events.

export class Refusal extends Error {}

async function result(response) {
  const body = await response.json();
  if (!body.ok) throw new Refusal(body.description);
  return body.result;
}

export async function get(path, query = {}) {
  return result(await fetch(`/sandbox/${path}?${new URLSearchParams(query)}`));
}

export async function post(path, body) {
  return result(await fetch(`/sandbox/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }));
}

// Sends one file; `told` gets the share that has gone, 0 to 1. Resolves to the message.
export function upload(fields, file, told) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, file.name);
  const request = new XMLHttpRequest();
  const sent = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onload = () => {
      let body;
      try { body = JSON.parse(request.responseText); } catch { body = { description: `Error ${request.status}` }; }
      if (body.ok) resolve(body.result); else reject(new Refusal(body.description));
    };
    request.onerror = () => reject(new Refusal("The sandbox did not answer."));
    request.onabort = () => reject(new Refusal("Cancelled."));
  });
  request.open("POST", "/sandbox/upload");
  request.send(form);
  return { sent, cancel: () => request.abort() };
}

// Follows the events after a number, for ever; the browser resumes where the line broke.
export function follow(after, heard, line) {
  const source = new EventSource(`/sandbox/events?after=${after}`);
  source.onmessage = (event) => heard(JSON.parse(event.data));
  source.onopen = () => line(true);
  source.onerror = () => line(false);
  return source;
}

export function fileUrl(fileId, download = false) {
  return `/sandbox/file/${encodeURIComponent(fileId)}${download ? "?download=1" : ""}`;
}
