import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, KernelError } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { copyModel } from "../runtime/copy-model.js";
import { findLibrary } from "../runtime/find-library.js";
import { cApiRuntime } from "./c-api-runtime.js";
import { loadKoffi } from "./load-koffi.js";
import { missingLibrary, missingProviderLibrary } from "./missing-library.js";
import { OrtApi } from "./ort-api.js";

let folder: string;
const program = process.argv[1]!;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mmgen-c-api-"));
  // The places where a package is looked for beside the caller's file.
  process.argv[1] = join(folder, "program.js");
  vi.spyOn(process, "cwd").mockReturnValue(folder);
});
afterEach(() => {
  process.argv[1] = program;
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A package with these files, of which `index.js` is its entry. */
function install(name: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries({
    "package.json": `{ "name": "${name}", "main": "index.js" }`,
    ...files,
  })) {
    const path = join(folder, "node_modules", name, file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  }
}

const here = () => pathToFileURL(join(folder, "program.js")).href;
const refusal = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    expect(ConfigError.isInstance(error), String(error)).toBe(true);
    expect(String(error)).not.toContain("\n");
    return String(error);
  }
  return "nothing was refused";
};

describe("what is missing is named in one line", () => {
  it("koffi", () => {
    const load = () => loadKoffi(here());
    expect(refusal(load)).toMatch(/needs the package koffi, .*npm install --ignore-scripts koffi.*runtime: "binding"/);
    install("koffi", { "index.js": 'require("./build/solaris.node")' });
    expect(refusal(load)).toMatch(/cannot load the package koffi on \w+ \w+: Cannot find module .*solaris/);
    install("koffi", { "index.js": 'exports.version = "2.14.0"' });
    install("koffi", { "index.js": 'exports.version = "2.14.0"' });
    expect(refusal(load)).toContain("needs koffi 3 or later, got 2.14.0");
  });

  it("onnxruntime-node, its library for this machine, and one that is no library", () => {
    const find = () => findLibrary(here());
    expect(refusal(find)).toContain("needs the package onnxruntime-node, which is not installed here");
    install("onnxruntime-node", { "bin/napi-v6/solaris/sparc/libonnxruntime.so.1": "" });
    expect(refusal(find)).toContain(`no library of ONNX Runtime for ${process.platform} ${process.arch} in ${folder}`);
    const name = { darwin: "libonnxruntime.1.30.0.dylib", win32: "onnxruntime.dll" }[process.platform as string];
    const library = join("bin", "napi-v6", process.platform, process.arch, name ?? "libonnxruntime.so.1");
    install("onnxruntime-node", { [library]: "no library" });
    expect(find()).toBe(join(folder, "node_modules", "onnxruntime-node", library));
    expect(refusal(() => new OrtApi(find()))).toContain("onnxruntime-node is installed, but cannot be loaded on");
  });

  it("libraries of the CUDA provider, and of CUDA", () => {
    const all = () => true;
    const reason = (file: string) => `Failed to load library libonnxruntime_providers_cuda.so with error: ${file}`;
    const missing = `${reason("libcudnn.so.9")}: cannot open shared object file: No such file or directory`;
    expect(missingLibrary(missing, "linux", (name) => name.includes("shared"))).toBe(
      "the CUDA provider's library libonnxruntime_providers_cuda.so is missing beside onnxruntime-node's own",
    );
    expect(missingLibrary(missing, "linux", all)).toContain("the CUDA library libcudnn.so.9 is missing");
    expect(missingLibrary("LoadLibrary failed with error 126", "win32", all)).toContain("CUDA or cuDNN 9");
    expect(missingLibrary("CUDA failure 100: no CUDA-capable device is detected", "linux", all)).toBeUndefined();
    expect(missingLibrary("not available", "darwin", all)).toContain("no CUDA provider for darwin");
  });
});

describe("the runtime's own errors", () => {
  const options = { graphOptimizationLevel: "all", intraOpNumThreads: 1, profilePrefix: undefined } as const;
  const { bytes, input, output } = copyModel("float32", 1);
  const session = (model: Uint8Array, executionProviders: readonly string[] = ["cpu"]) =>
    cApiRuntime(2).createSession(model, [input], [{ name: output, type: "float32", shape: [3], onDevice: false }], {
      ...options,
      executionProviders,
    });

  beforeEach(() => vi.restoreAllMocks());

  it("have ONNX Runtime's reason", () => {
    expect(() => session(Uint8Array.of(1, 2, 3))).toThrow(KernelError);
    expect(() => session(Uint8Array.of(1, 2, 3))).toThrow(/Protobuf|protobuf/);
    const runtime = cApiRuntime(2);
    const copy = session(bytes) as ReturnType<typeof session> & { run(feeds: unknown[]): unknown };
    const wrong = () => copy.run([runtime.upload("int32", [3], new Int32Array(3))]);
    expect(wrong).toThrow(KernelError);
    expect(wrong).toThrow(/Unexpected input data type.*float/s);
    // A failed run leaves the session as it was.
    const right = runtime.upload("float32", [3], Float32Array.of(1, 2, 3));
    expect(copy.run([right])).toMatchObject([{ host: right.host }]);
  });

  it.skipIf(missingProviderLibrary() === undefined)("name the library that cuda misses", () => {
    expect(() => session(bytes, ["cuda"])).toThrow(missingProviderLibrary());
  });
});
