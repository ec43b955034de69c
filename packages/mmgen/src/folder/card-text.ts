import type { MultimodalModel } from "../model/multimodal-model.js";
import { packageVersion } from "./package-version.js";

/** What a card's text is made of, beside its model. */
export interface CardContent {
  readonly title: string;
  /** The line by which a card is known again. */
  readonly mark: string;
  readonly license?: string | undefined;
  /** Markdown. */
  readonly data?: string | undefined;
  readonly tags: readonly string[];
  readonly figures?: Readonly<Record<string, number>> | undefined;
  readonly examples?: { readonly trained: number; readonly heldOut: number } | undefined;
  readonly samples?: { readonly file: string; readonly captions: readonly string[] } | undefined;
}

/** Words that a card lists, at most. */
const maxWords = 200;

/**
 * A model's card: Markdown with the front matter of the Hugging Face Hub. What comes from captions is escaped.
 *
 * @see https://huggingface.co/docs/hub/model-cards
 */
export function cardText(model: MultimodalModel, content: CardContent): string {
  const { data, examples, license, mark, samples, title } = content;
  const sections = [
    `${frontMatter(model, content)}\n${mark}`,
    `# ${escapeMarkdown(title)}`,
    abilityOf(model),
    samples && `![${samplesText(samples.captions)}](${samples.file})`,
    `## Use\n\n${usage(model)}`,
    `## Data\n\n${[examples && examplesText(examples), data ?? "What it learned from, and under which license, was not stated."].filter(Boolean).join("\n\n")}`,
    `## Settings\n\n${settings(model)}`,
    figuresText(content.figures ?? historyFigures(model)),
    license && `## License\n\n\`${license}\``,
    `Written by mmgen ${packageVersion()} in Node ${process.versions.node}.`,
  ];
  return `${sections.filter((section) => section !== undefined).join("\n\n")}\n`;
}

/** A text as Markdown shows it letter by letter, on one line. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .replace(/[!-&(-+./:-@[-`{-~]/g, "\\$&");
}

function frontMatter(model: MultimodalModel, { license, tags }: CardContent): string {
  const { family, tokenizer } = model.config;
  const hasText = tokenizer.layout !== "image-only";
  const own = ["mmgen", "vq-vae", family === "diffusion" ? "discrete-diffusion" : "autoregressive"];
  const all = [...new Set([...own, ...(tokenizer.layout === "class" || !hasText ? [] : ["image-to-text"]), ...tags])];
  return [
    "---",
    ...(license === undefined ? [] : [`license: ${JSON.stringify(license)}`]),
    "library_name: mmgen",
    `pipeline_tag: ${hasText ? "text-to-image" : "unconditional-image-generation"}`,
    "tags:",
    ...all.map((tag) => `- ${JSON.stringify(tag)}`),
    "---",
    "",
  ].join("\n");
}

function abilityOf({ tokenizer, vqvae }: MultimodalModel): string {
  const { height, width } = vqvae.imageShape;
  const size = `images of ${width} × ${height} pixels`;
  const of = "A small generative model of [mmgen](https://www.npmjs.com/package/mmgen)";
  switch (tokenizer.config.layout) {
    case "image-only":
      return `${of}: it invents ${size}, and completes a part of one.`;
    case "class":
      return `${of}: it draws ${size} of a class, tells an image's class, and completes a part of an image.`;
    default:
      return `${of}: it draws ${size} of what a caption says, captions what an image shows, completes either from a part, and invents matching pairs.`;
  }
}

function samplesText(captions: readonly string[]): string {
  const said = captions.filter((caption) => caption !== "").map(escapeMarkdown);
  return said.length === 0 ? "Images that the model invented" : `Invented by the model: ${said.join("; ")}`;
}

function usage({ tokenizer }: MultimodalModel): string {
  const { layout, words } = tokenizer.config;
  const call =
    layout === "image-only"
      ? "await model.invent({ count: 4 })"
      : layout === "class"
        ? `await model.draw([${codeText(words[0]!)}], { count: 4 })`
        : 'await model.draw(["…"], { count: 4 })';
  return `In Node, after \`npm install --ignore-scripts mmgen @tensorflow/tfjs-core onnxruntime-node\`, with the folder of these files:

\`\`\`ts
import { loadFrom } from "mmgen/node";

using model = await loadFrom("folder");
const drawn = ${call};
\`\`\`

Without code: \`npx mmgen ${layout === "image-only" ? "invent folder" : 'draw folder "…"'}\`. From the web, in a page, after a TensorFlow.js backend is chosen:

\`\`\`ts
import { loadUrl } from "mmgen";

const model = await loadUrl("https://…/folder");
\`\`\``;
}

/** A text as it stands in a program, in a block of code that nothing in it ends. */
function codeText(text: string): string {
  return JSON.stringify(text).replaceAll("`", "\\u0060");
}

function examplesText({ heldOut, trained }: { readonly trained: number; readonly heldOut: number }): string {
  const kept = heldOut > 0 ? `; ${heldOut.toLocaleString("en-US")} were held out to evaluate on` : "";
  return `Trained on ${trained.toLocaleString("en-US")} images${kept}.`;
}

function settings(model: MultimodalModel): string {
  const { tokenizer, transformer, vqvae } = model;
  const { codebookSize, codeGrid, layout, words } = tokenizer.config;
  const { channels, height, maxValue, width } = vqvae.imageShape;
  const { heads, layers, width: modelWidth } = transformer.config;
  const count = vqvae.parameterCount + transformer.parameterCount;
  const { diffusion, family, sampling, training } = model.config;
  const rows = [
    [
      "images",
      `${width} × ${height} pixels, ${channels} ${channels === 1 ? "channel" : "channels"}, ${maxValue + 1} levels`,
    ],
    ["codes", `${codeGrid.height} × ${codeGrid.width} of ${codebookSize}`],
    ["family", family],
    ["transformer", `${layers} layers, ${modelWidth} wide, ${heads} heads`],
    ["parameters", count.toLocaleString("en-US")],
  ];
  const table = ["| | |", "|---|---|", ...rows.map(([name, is]) => `| ${name} | ${is} |`)].join("\n");
  const what = layout === "class" ? "Classes" : "Words";
  const known = words.slice(0, maxWords).map(escapeMarkdown).join(", ");
  const more = words.length > maxWords ? `, and ${words.length - maxWords} more` : "";
  const listed = words.length === 0 ? [] : [`${what} that it knows: ${known}${more}.`];
  // No value in it is a caption's.
  const json = JSON.stringify({ sampling, ...(diffusion && { diffusion }), ...(training && { training }) }, null, 2);
  return [table, ...listed, `\`\`\`json\n${json}\n\`\`\``].join("\n\n");
}

/** What the last evaluation of each training measured, where the model was trained in this process. */
function historyFigures({ history }: MultimodalModel): Readonly<Record<string, number>> {
  const last = (stage: "vqvae" | "refinement" | "transformer") => history?.[stage]?.epochs.at(-1)?.metrics ?? {};
  const codec = { ...last("vqvae"), ...last("refinement") };
  const named = (label: string, metrics: object) =>
    Object.entries(metrics).map(([name, figure]) => [`${label}: ${name}`, figure as number] as const);
  return Object.fromEntries([...named("image codec", codec), ...named("transformer", last("transformer"))]);
}

function figuresText(figures: Readonly<Record<string, number>>): string | undefined {
  const rows = Object.entries(figures).map(
    ([name, figure]) =>
      `| ${escapeMarkdown(name)} | ${Number.isFinite(figure) ? Number(figure.toPrecision(4)) : figure} |`,
  );
  return rows.length === 0 ? undefined : `## Figures\n\n| | |\n|---|---|\n${rows.join("\n")}`;
}
