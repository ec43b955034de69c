import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const runtime = fileURLToPath(new URL("runtime.c", import.meta.url));

/** CUDA's libraries, by the functions that ONNX Runtime's provider takes from each. */
const libraries = [
  { file: "libcudart.so.13", takes: /^(__)?cuda[A-Z]/, source: runtime },
  { file: "libcublas.so.13", takes: /^cublas(?!Lt)/, creators: ["cublasCreate_v2"] },
  { file: "libcublasLt.so.13", takes: /^cublasLt/, creators: ["cublasLtCreate"] },
  { file: "libcurand.so.10", takes: /^curand/ },
  { file: "libcuda.so.1", takes: /^cu[A-Z]/ },
  // Looked up by name when a session starts.
  { file: "libcudnn.so.9", functions: ["cudnnDestroy", "cudnnSetStream"], creators: ["cudnnCreate"] },
];

/**
 * Builds libraries that stand in for CUDA's: those of runtime.c, and for all else that a provider links functions that do
 * nothing.
 *
 * @param {string} provider - Path of ONNX Runtime's CUDA provider.
 * @param {string} folder - Where to write them.
 */
export function buildLibraries(provider, folder) {
  const wanted = symbols(provider, "-D", "--undefined-only");
  for (const { file, takes, functions = [], creators = [], source } of libraries) {
    const object = join(folder, "own.o");
    if (source !== undefined) {
      run("cc", ["-c", "-fPIC", "-o", object, source]);
    }
    const own = source === undefined ? [] : symbols(object);
    const missing = [...new Set([...functions, ...wanted.filter((name) => takes?.test(name) && !own.includes(name))])];
    const code = [
      ...missing.filter((name) => !creators.includes(name)).map((name) => empty(name)),
      ...creators.map((name) => `int ${name}(void **out) { return *out = (void *)16, 0; }`),
    ].join("\n");
    const [rest, version] = [join(folder, "empty.c"), join(folder, "version.map")];
    writeFileSync(rest, `${code}\n`);
    writeFileSync(version, `${file} { global: *; };\n`);
    run("cc", [
      ...["-shared", "-fPIC", `-Wl,-soname,${file}`, `-Wl,--version-script=${version}`],
      ...["-o", join(folder, file), rest, ...(source === undefined ? [] : [object])],
    ]);
  }
}

/** A function that succeeds and does nothing, or names nothing. */
function empty(name) {
  return /(Name|String)$/.test(name) ? `const char *${name}() { return ""; }` : `int ${name}() { return 0; }`;
}

/** Names of a library's or object's symbols. */
function symbols(file, ...flags) {
  const lines = run("nm", [...flags, file]).split("\n");
  return lines.map((line) => line.trim().split(/\s+/).at(-1).split("@")[0]).filter((name) => name !== "");
}

/** Runs a program, and returns what it prints. */
export function run(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(" ")} failed: ${error ?? stderr}`);
  }
  return stdout;
}
