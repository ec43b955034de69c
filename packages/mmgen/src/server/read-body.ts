import type { IncomingMessage } from "node:http";
import { AbortedError, parseJson } from "@mmgen/core";
import { HttpProblem } from "./http-problem.js";

/** Bytes that a request may have. */
export const maxBodyBytes = 16 * 2 ** 20;

const imageTypes: readonly string[] = ["image/png", "image/jpeg", "image/webp"];

/**
 * Reads what a request says: JSON, or where `images` are taken the bytes of one, as `{ images: [bytes] }`.
 *
 * @throws an {@link HttpProblem} for too many bytes, another type, or what is no JSON; an `AbortedError` where the client
 *   goes away.
 */
export async function readBody(request: IncomingMessage, { images = false } = {}): Promise<unknown> {
  // Another site's page can send a form unasked, but neither of these.
  const type = (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  const isImage = images && imageTypes.includes(type);
  if (!isImage && type !== "application/json") {
    const taken = ["application/json", ...(images ? imageTypes : [])].join(", ");
    throw new HttpProblem(415, `expected a body of content-type ${taken}; got ${type || "none"}.`);
  }
  const bytes = await readBytes(request);
  if (isImage) {
    return { images: [bytes] };
  }
  const { problem, value } = parseJson(new TextDecoder().decode(bytes));
  if (problem !== undefined) {
    throw new HttpProblem(400, `the body ${problem}.`);
  }
  return value;
}

function readBytes(request: IncomingMessage): Promise<Uint8Array> {
  const tooLarge = () => new HttpProblem(413, `expected a body of at most ${maxBodyBytes} bytes.`);
  if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) {
    return Promise.reject(tooLarge());
  }
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    // What comes beyond the limit is read and dropped, so that the client sees the answer.
    request.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > maxBodyBytes) {
        chunks.length = 0;
        reject(tooLarge());
      } else {
        chunks.push(chunk);
      }
    });
    request.on("end", () => resolve(new Uint8Array(Buffer.concat(chunks))));
    request.on("close", () => reject(new AbortedError("Stopped: the client went away.")));
    request.on("error", reject);
  });
}
