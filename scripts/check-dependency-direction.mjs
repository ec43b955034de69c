/**
 * Checks that packages import only what lies below them (docs/architecture.md), part of `npm run lint`.
 *
 * In a package's `src`: other mmgen packages and tfjs only along the arrows; anything else only when its package.json
 * declares it; no relative path that leaves the package. The manifests' dependencies keep to the arrows too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { listEntries, listPackages, listPrograms, repositoryRoot } from "./workspace.mjs";

const tensors = ["@tensorflow/tfjs-core"];

/** What each package may import, beside itself. A package that is not here may import nothing of ours. */
const arrows = {
  core: [],
  datasets: ["@mmgen/core"],
  "multimodal-tokenizer": ["@mmgen/core"],
  samplers: ["@mmgen/core"],
  plots: ["@mmgen/core"],
  mpi: ["@mmgen/core"],
  nn: ["@mmgen/core", ...tensors],
  vqvae: ["@mmgen/core", "@mmgen/nn", ...tensors],
  "tiny-transformer": ["@mmgen/core", "@mmgen/nn", ...tensors],
  training: ["@mmgen/core", "@mmgen/nn", ...tensors],
  evaluation: ["@mmgen/core", "@mmgen/nn", ...tensors],
  "backend-onnx": ["@mmgen/core", ...tensors, "@tensorflow/tfjs-backend-cpu"],
  mmgen: [
    ...["core", "datasets", "multimodal-tokenizer", "samplers", "nn", "vqvae", "tiny-transformer"].map(named),
    ...["training", "evaluation", "backend-onnx"].map(named),
    ...tensors,
  ],
};

/** What only the entry `./node` of a package may import: the others load in a browser without it. */
const fromNodeAlone = { mmgen: ["@mmgen/backend-onnx", "@mmgen/datasets"] };

function named(folder) {
  return `@mmgen/${folder}`;
}

/** Tools that tests use; the root's package.json has them. */
const testTools = ["vitest", "fast-check", "esbuild", "typescript"];

/**
 * @param {string} [root] - The repository to check.
 * @returns {string[]} One line for each violation, `path:line message`.
 */
export function findViolations(root = repositoryRoot) {
  const violations = [];
  for (const workspacePackage of listPackages(root)) {
    const { name, folder, path, manifest } = workspacePackage;
    const allowed = [name, ...(arrows[folder] ?? [])];
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (isOurs(dependency) && !allowed.includes(dependency)) {
        violations.push(`${relative(root, join(path, "package.json"))}: ${folder} may not depend on ${dependency}`);
      }
    }
    const imports = new Map(listSources(join(path, "src")).map((file) => [file, readImports(file)]));
    const entries = listEntries(workspacePackage);
    const published = reach(
      [...entries, ...listPrograms(workspacePackage)].map(({ source }) => source),
      imports,
    );
    const everywhere = reach(
      entries.filter(({ subpath }) => subpath !== "./node").map(({ source }) => source),
      imports,
    );
    for (const [file, specifiers] of imports) {
      for (const { specifier, line } of specifiers) {
        const isPublished = published.has(file);
        const problem = judge({ specifier, file, isPublished, path, folder, manifest, allowed });
        if (problem !== undefined) {
          violations.push(`${relative(root, file)}:${line} ${problem}`);
        } else if (everywhere.has(file) && fromNodeAlone[folder]?.includes(specifier)) {
          violations.push(`${relative(root, file)}:${line} only ${name}/node may import ${specifier}`);
        }
      }
    }
  }
  return violations;
}

function judge({ specifier, file, isPublished, path, folder, manifest, allowed }) {
  if (specifier.startsWith(".") || specifier.startsWith("/")) {
    const target = resolve(dirname(file), specifier);
    return target.startsWith(path + sep) ? undefined : `"${specifier}" leaves the package; import its public name`;
  }
  if (isBuiltin(specifier)) {
    return specifier.startsWith("node:") ? undefined : `write "node:${specifier}"`;
  }
  const dependency = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  // What no entry reaches is a test or stands in for one: it may use the development tools, yet no package above.
  if ((isPublished || dependency.startsWith("@mmgen/")) && isOurs(dependency) && !allowed.includes(dependency)) {
    return `${folder} may not import ${dependency}: the arrows of docs/architecture.md only point down`;
  }
  const declared = {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...(!isPublished && manifest.devDependencies),
  };
  if (dependency === manifest.name || dependency in declared || (!isPublished && testTools.includes(dependency))) {
    return undefined;
  }
  return `${dependency} is not among the package's dependencies`;
}

/** Whether the arrows have a say about it. */
function isOurs(dependency) {
  return dependency === "mmgen" || dependency.startsWith("@mmgen/") || dependency.startsWith("@tensorflow/");
}

function readImports(file) {
  const text = readFileSync(file, "utf8");
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName, pos }) => ({ specifier: fileName, line: text.slice(0, pos).split("\n").length }));
}

/** The files that the entries import, directly or through others of the package. */
function reach(entries, imports) {
  const reached = new Set();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (!reached.has(file) && imports.has(file)) {
      reached.add(file);
      for (const { specifier } of imports.get(file)) {
        if (specifier.startsWith(".")) {
          waiting.push(resolve(dirname(file), specifier.replace(/\.js$/, ".ts")));
        }
      }
    }
  }
  return reached;
}

function listSources(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name) && !entry.name.includes(".generated."))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const violations = findViolations(process.argv[2]);
  for (const violation of violations) {
    console.error(violation);
  }
  process.exitCode = violations.length > 0 ? 1 : 0;
}
