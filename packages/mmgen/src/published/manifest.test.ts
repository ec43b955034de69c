import { createHash } from "node:crypto";
import { CheckpointError, defaultLimits } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json";
import { checkedReader, manifestFile, manifestOf, readManifest } from "./manifest.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const files = new Map([
  ["tokenizer.json", bytesOf("{}")],
  ["model.json", bytesOf("[1]")],
]);
const sumOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("manifestOf", () => {
  it("lists files by name with length, SHA-256 and the version that wrote it, in whatever order they come", async () => {
    const bytes = await manifestOf(files);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
      ...{ format: "mmgen-manifest", version: 1, mmgen: packageJson.version },
      files: {
        "model.json": { bytes: 3, sha256: sumOf(files.get("model.json")!) },
        "tokenizer.json": { bytes: 2, sha256: sumOf(files.get("tokenizer.json")!) },
      },
    });
    expect(await manifestOf(new Map([...files].reverse()))).toEqual(bytes);
    expect([...readManifest(bytes, defaultLimits).keys()]).toEqual(["model.json", "tokenizer.json"]);
  });
});

const sha256 = "0".repeat(64);
const read = (content: unknown) =>
  readManifest(bytesOf(typeof content === "string" ? content : JSON.stringify(content)), defaultLimits);
const listing = (name: string, file: unknown = { bytes: 1, sha256 }) => ({
  ...{ format: "mmgen-manifest", version: 1 },
  files: Object.fromEntries([[name, file]]),
});

describe("readManifest", () => {
  it.each<[string, unknown, RegExp]>([
    ["what is no JSON", "<html>", /is not JSON; it is damaged, or another file/],
    ["a file twice", '{"format":"mmgen-manifest","version":1,"files":{"a":1,"a":1}}', /holds "a" twice/],
    ["another program's", { name: "My app", icons: [] }, /expected format "mmgen-manifest", got undefined/],
    ["null", null, /expected format/],
    ["an unknown version", { format: "mmgen-manifest", version: 2 }, /expected version 1, got 2 .*update mmgen/],
    ["no files", { format: "mmgen-manifest", version: 1 }, /files: expected an object, got undefined/],
    ["a name of a folder above", listing("../weights"), /names of files beside it, got "\.\.\/weights"/],
    ["a name in a folder", listing("a/b"), /got "a\/b"/],
    ["a name with a backslash", listing("..\\b"), /names of files beside it/],
    ["an address", listing("https://example.com/x"), /got "https:\/\/example\.com\/x"/],
    ["a hidden file", listing(".netrc"), /names of files beside it/],
    ["an encoded name", listing("%2e%2e"), /names of files beside it/],
    ["a file that is no object", listing("a", 7), /a: bytes: expected a whole number, got undefined/],
    ["a negative size", listing("a", { bytes: -1, sha256 }), /a whole number, got -1/],
    [
      "a size beyond the limit",
      listing("a", { bytes: 2 ** 40, sha256 }),
      /at most 1073741824 bytes.*limits\.fileBytes/,
    ],
    ["too long a text", listing("a.json", { bytes: 2 ** 28, sha256 }), /at most 67108864 bytes.*limits\.textBytes/],
    ["another checksum", listing("a", { bytes: 1, sha256: "abc" }), /64 hexadecimal digits, got "abc"/],
    ["capitals", listing("a", { bytes: 1, sha256: "A".repeat(64) }), /64 hexadecimal digits/],
  ])("refuses %s", (_, content, message) => {
    expect(() => read(content)).toThrow(message);
    expect(() => read(content)).toThrow(CheckpointError);
  });

  it("refuses mutated manifests with a typed error", async () => {
    await fuzz({
      ...{ name: "model manifest", samples: [await manifestOf(files)], json: true },
      parse: (mutated) => readManifest(mutated, defaultLimits),
      depth: (_, error) => {
        const { message } = error ?? { message: "" };
        return /is not JSON|twice|format/.test(message)
          ? "none"
          : /version|files:/.test(message)
            ? "signature"
            : "header";
      },
    });
  });
});

describe("checkedReader", () => {
  it("gives what the manifest lists, and names the file that is otherwise", async () => {
    const whole = new Map(files).set(manifestFile, await manifestOf(files));
    const readerOf = (changes: readonly (readonly [string, Uint8Array | undefined])[] = []) => {
      const changed = new Map<string, Uint8Array | undefined>([...whole, ...changes]);
      return checkedReader((name) => changed.get(name), defaultLimits);
    };
    expect(await readerOf()("model.json")).toBe(files.get("model.json"));
    expect(await readerOf()("vqvae.safetensors")).toBeUndefined();
    for (const [changed, message] of [
      [bytesOf("[2]"), /model\.json: expected the SHA-256 [0-9a-f]{64}, as .* says, got [0-9a-f]{64}: it is damaged/],
      [bytesOf("[1"), /model\.json: expected 3 bytes, as model-manifest\.json says, got 2/],
      [undefined, /model\.json: there is no such file/],
    ] as const) {
      const reader = readerOf([["model.json", changed]]);
      await expect(reader("model.json")).rejects.toThrow(message);
      await expect(reader("model.json")).rejects.toThrow(CheckpointError);
      expect(await reader("tokenizer.json")).toBe(files.get("tokenizer.json"));
    }
    await expect(readerOf([["vqvae.safetensors", bytesOf("x")]])("vqvae.safetensors")).rejects.toThrow(
      /vqvae\.safetensors: model-manifest\.json does not list it/,
    );
  });

  it("reads unchecked where there is no manifest", async () => {
    const reader = checkedReader((name) => files.get(name), defaultLimits);
    expect(await reader("model.json")).toBe(files.get("model.json"));
  });
});
