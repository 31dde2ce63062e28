/** The typed client of the API; every failure is a Refusal with the server's own code and sentence. */

import createClient, { type Middleware } from "openapi-fetch";
import { KeymapError } from "../editor/keymap";
import { Refusal } from "../editor/types";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

function csrfToken(): string {
  return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
}

export function withCsrf(headers: Headers): Headers {
  headers.set("X-CSRFToken", csrfToken());
  return headers;
}

const csrf: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") withCsrf(request.headers);
    return request;
  },
};

export const client = createClient<paths>({ baseUrl: "", credentials: "same-origin" });
client.use(csrf);

/** Turn an error answer into a Refusal. */
export function refusalOf(status: number, body: unknown): Refusal {
  const error = (body as { error?: { code?: unknown; message?: unknown; details?: unknown } } | undefined)
    ?.error;
  const code = typeof error?.code === "string" ? error.code : `http_${status}`;
  const message =
    typeof error?.message === "string" ? error.message : `The server answered with status ${status}.`;
  return new Refusal(code, message, status, (error?.details ?? {}) as Record<string, unknown>);
}

/** Return the data of an answer, or throw the refusal. */
export async function take<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw refusalOf(response.status, error);
  return data as T;
}

/** Upload files with progress from 0 to 1; XMLHttpRequest, because fetch does not tell how far an upload is. */
export function upload<T>(path: string, form: FormData, onProgress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "json";
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Error("The server could not be reached."));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response as T);
      else reject(refusalOf(request.status, request.response));
    };
    request.send(form);
  });
}

export function sentenceOf(error: unknown): string {
  if (error instanceof Refusal || error instanceof KeymapError) return error.message;
  return "The server could not be reached. Your work is kept; try again in a moment.";
}
