import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { listPackages } from "../scripts/workspace.mjs";
import { pageBundle, root } from "./fixtures/bundle.fixture.js";

/** What a page imports, by its line in the table. */
const uses: readonly (readonly [names: string, module: string])[] = [
  ["MultimodalModel", "mmgen"],
  ["*", "mmgen"],
  ["Random", "@mmgen/core"],
  ["readSafetensors", "@mmgen/core"],
  ["*", "@mmgen/core"],
  ["*", "@mmgen/core/options"],
  ["captionOf", "@mmgen/datasets"],
  ["*", "@mmgen/datasets"],
  ["MultimodalTokenizer", "@mmgen/multimodal-tokenizer"],
  ["*", "@mmgen/multimodal-tokenizer"],
  ["generate", "@mmgen/samplers"],
  ["denoise", "@mmgen/samplers"],
  ["*", "@mmgen/samplers"],
  ["*", "@mmgen/nn/layers"],
  ["*", "@mmgen/nn"],
  ["VqVae", "@mmgen/vqvae"],
  ["*", "@mmgen/vqvae"],
  ["FiniteScalarQuantizer", "@mmgen/vqvae/quantizers"],
  ["TinyTransformer", "@mmgen/tiny-transformer"],
  ["*", "@mmgen/tiny-transformer"],
  ["train", "@mmgen/training"],
  ["*", "@mmgen/training"],
  ["AttributeClassifier", "@mmgen/evaluation"],
  ["*", "@mmgen/evaluation"],
  ["imageGrid", "@mmgen/plots"],
  ["*", "@mmgen/plots"],
  ["useOnnx", "@mmgen/backend-onnx"],
];

/** Backends that a page adds. */
const backends = ["@tensorflow/tfjs-backend-cpu", "@tensorflow/tfjs-backend-wasm"];

/** A line of the table, and its sizes in bytes. */
type Row = readonly [title: string, sizes: readonly number[]];

const tensorFlow = "@tensorflow/*";

/** Bytes of a page's script, minified and compressed by gzip. */
async function sizeOf(code: string, external: readonly string[] = []): Promise<number> {
  const options = pageBundle(code);
  const { outputFiles } = await build({ ...options, external: [...options.external!, ...external] });
  return gzipSync(outputFiles![0]!.contents, { level: 9 }).length;
}

async function measure(): Promise<{ rows: Row[]; added: Row[] }> {
  const rows: Row[] = [];
  for (const [names, module] of uses) {
    const [what, imported] = names === "*" ? ["everything", "* as used"] : [`\`${names}\``, `{ ${names} as used }`];
    const code = `import ${imported} from "${module}"; globalThis.used = used;`;
    rows.push([`\`${module}\` | ${what}`, [await sizeOf(code, [tensorFlow]), await sizeOf(code)]]);
  }
  const added: Row[] = [];
  for (const name of backends) {
    added.push([`\`${name}\``, [await sizeOf(`import "${name}";`, ["@tensorflow/tfjs-core"])]]);
  }
  return { rows, added };
}

const kilobytes = (bytes: number) => (bytes < 9950 ? (bytes / 1000).toFixed(1) : Math.round(bytes / 1000).toString());
const line = ([title, sizes]: Row) => `| ${[title, ...sizes.map(kilobytes)].join(" | ")} |`;

const pageOf = (rows: readonly Row[], added: readonly Row[]) => `# What a package costs a page

Kilobytes (1000 bytes) that a visitor's browser downloads for an import, bundled and minified by esbuild and compressed by gzip. \`test/package-sizes.test.ts\` measures them again.

| import from | what | alone | with tfjs-core |
|---|---|---|---|
${rows.map(line).join("\n")}

"Alone" is our code and all that it depends on but TensorFlow.js; "with tfjs-core" is what a page downloads that has no TensorFlow.js yet. Packages that share code are cheaper together than in sum: \`MultimodalModel\` has a tokenizer, an image codec, a transformer, the samplers and the training loop in it. Entries named \`node\` and \`@mmgen/mpi\` are for Node alone.

A page that computes with tensors adds a backend:

| backend | beside tfjs-core |
|---|---|
${added.map(line).join("\n")}

The wasm backend fetches one of its three WebAssembly files beside, 120 to 145 kB; \`@mmgen/backend-onnx\` needs onnxruntime-web and its files.
`;

const page = join(root, "docs", "package-sizes.md");

/** The table's lines, and the sizes that stand in them. */
function readTable(text: string): { titles: string[]; sizes: number[] } {
  const lines = text.split("\n").filter((each) => each.startsWith("| `"));
  const cells = lines.map((each) => each.slice(2, -2).split(" | "));
  const isSize = (cell: string) => /^[\d.]+$/.test(cell);
  return {
    titles: cells.map((row) => row.filter((cell) => !isSize(cell)).join(" | ")),
    sizes: cells.flatMap((row) => row.filter(isSize).map(Number)),
  };
}

it("docs/package-sizes.md says what each package costs a page, to 5 % or half a kilobyte", async () => {
  const { rows, added } = await measure();
  const measured = pageOf(rows, added);
  const [written, now] = [existsSync(page) ? readFileSync(page, "utf8") : "", measured].map(readTable) as [
    ReturnType<typeof readTable>,
    ReturnType<typeof readTable>,
  ];
  // A fix may add a little; a dependency that slips in adds more.
  const isClose = (size: number, i: number) => Math.abs(size - now.sizes[i]!) <= Math.max(0.5, 0.05 * size);
  if (written.titles.join() !== now.titles.join() || !written.sizes.every(isClose)) {
    await expect(measured).toMatchFileSnapshot(page);
  }
}, 300_000);

it("covers every package for pages", () => {
  const measured = uses.map(([, module]) => module);
  const names = listPackages().map(({ name }) => name);
  expect(names.filter((name) => name !== "@mmgen/mpi" && !measured.includes(name))).toEqual([]);
});
