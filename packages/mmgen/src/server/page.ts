import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { readFileText } from "@mmgen/core/node";
import type { Answer } from "./http-problem.js";

/** Stands in the page where its style and its script go. */
const places = { style: "/* style */", script: "/* script */" } as const;

/**
 * The page that uses a server's model: one document that loads nothing else, and may not, by its content security policy.
 */
export async function readPage(): Promise<Answer> {
  // By the package's own name: the path differs between the sources and what is built of them.
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve("mmgen/package.json")), "page");
  const read = (name: string) => readFileText(join(folder, name), "page");
  const [html, style, script] = await Promise.all([read("index.html"), read("style.css"), read("script.js")]);
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "img-src data: blob:",
    "connect-src 'self'",
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join("; ");
  return {
    headers: { "content-security-policy": policy, "referrer-policy": "no-referrer" },
    type: "text/html; charset=utf-8",
    body: html.replace(places.style, () => style).replace(places.script, () => script),
  };
}

function hashOf(source: string): string {
  return `'sha256-${createHash("sha256").update(source).digest("base64")}'`;
}
