import { ConfigError, type ImageBatch } from "@mmgen/core";
import { readImages } from "@mmgen/datasets/node";
import type { Command } from "commander";
import type { MultimodalModel } from "../model/multimodal-model.js";
import type { Kept } from "../sampling/kept-codes.js";
import { openModel, readModelImages } from "./open-model.js";
import {
  addComputeOptions,
  addOutputOptions,
  addSamplingOptions,
  type ComputeFlags,
  type OutputFlags,
  positiveNumber,
  type SamplingFlags,
  samplingOf,
} from "./option-groups.js";
import { interruptible, type Terminal } from "./terminal.js";
import { checkOut, writeImages } from "./write-images.js";

/** Adds `mmgen draw`, `caption`, `invent` and `complete`. */
export function addGenerationCommands(program: Command, terminal: Terminal): void {
  const add = (usage: string, description: string) =>
    addComputeOptions(
      program
        .command(usage)
        .description(description)
        .argument("<model>", "folder of a model, or its address on the web"),
    );

  addSamplingOptions(addOutputOptions(add("draw", "Draws what captions say."), "drawn.png"))
    .argument("<caption...>", 'such as "a red circle on blue"')
    .option("--count <number>", "images of each caption", positiveNumber, 1)
    .option("--candidates <number>", "draw so many of each, keep the one that fits best", positiveNumber, 1)
    .action((path: string, captions: string[], flags: DrawFlags) => draw({ path, captions, flags }, terminal));

  addSamplingOptions(add("caption", "Says what images show, one line each, on standard output."))
    .argument("<file...>", "PNG, JPEG or WebP of any size")
    .option("--json", "lines of JSON, each with file and caption", false)
    .action((path: string, files: string[], flags: CaptionFlags) => caption({ path, files, flags }, terminal));

  addSamplingOptions(
    addOutputOptions(add("invent", "Invents images, and captions on standard output."), "invented.png"),
  )
    .option("--count <number>", "pairs to invent", positiveNumber, 9)
    .action((path: string, flags: InventFlags) => invent({ path, flags }, terminal));

  addSamplingOptions(
    addOutputOptions(
      add("complete", "Completes images from a part, or captions from their first words."),
      "completed.png",
    ),
  )
    .argument("[file...]", "PNG, JPEG or WebP of any size")
    .requiredOption(
      "--keep <part>",
      "rows=0.5, columns=0.5, codes=20 or mask=FILE (white is kept) of the images, or words=3 of the captions",
      keptPart,
    )
    .option("--caption <text...>", "what each image shows, or beginnings of captions")
    .option("--count <number>", "completions of each", positiveNumber, 1)
    .option("--candidates <number>", "attempts at parts that are no beginning (default: 8)", positiveNumber)
    .action((path: string, files: string[], flags: CompleteFlags) => complete({ path, files, flags }, terminal));
}

interface CountFlags extends ComputeFlags, OutputFlags, SamplingFlags {
  readonly count: number;
}

interface DrawFlags extends CountFlags {
  readonly candidates: number;
}

async function draw(
  { captions, flags, path }: { readonly path: string; readonly captions: readonly string[]; readonly flags: DrawFlags },
  terminal: Terminal,
): Promise<void> {
  await checkOut(flags);
  using model = await openModel(path, flags, terminal);
  const { candidates, count } = flags;
  const images = await interruptible(terminal, (signal) =>
    model.draw(captions, { ...samplingOf(flags, model), count, candidates, signal }),
  );
  const columns = captions.length > 1 && count > 1 ? count : undefined;
  const repeated = captions.flatMap((text) => new Array<string>(count).fill(text));
  terminal.stderr.write(`Wrote ${await writeImages(flags, { images, captions: repeated, columns })}\n`);
}

interface CaptionFlags extends ComputeFlags, SamplingFlags {
  readonly json: boolean;
}

async function caption(
  { files, flags, path }: { readonly path: string; readonly files: readonly string[]; readonly flags: CaptionFlags },
  terminal: Terminal,
): Promise<void> {
  using model = await openModel(path, flags, terminal);
  const images = await readModelImages(files, model);
  const captions = await interruptible(terminal, (signal) =>
    model.caption(images, { ...samplingOf(flags, model), signal }),
  );
  for (const [i, text] of captions.entries()) {
    const line = flags.json ? JSON.stringify({ file: files[i], caption: text }) : text;
    terminal.stdout.write(`${line}\n`);
  }
}

type InventFlags = CountFlags;

async function invent(
  { flags, path }: { readonly path: string; readonly flags: InventFlags },
  terminal: Terminal,
): Promise<void> {
  await checkOut(flags);
  using model = await openModel(path, flags, terminal);
  const { captions, images } = await interruptible(terminal, (signal) =>
    model.invent({ ...samplingOf(flags, model), count: flags.count, signal }),
  );
  await writePairs({ captions, images }, flags, terminal);
}

interface CompleteFlags extends CountFlags {
  readonly keep: KeptPart;
  readonly caption?: readonly string[];
  readonly candidates?: number;
}

async function complete(
  { files, flags, path }: { readonly path: string; readonly files: readonly string[]; readonly flags: CompleteFlags },
  terminal: Terminal,
): Promise<void> {
  const { candidates, caption: captions, count } = flags;
  if (files.length === 0 && captions === undefined) {
    throw new ConfigError("complete: expected image files, or beginnings of captions as --caption; got neither.");
  }
  await checkOut(flags);
  using model = await openModel(path, flags, terminal);
  const images = files.length === 0 ? undefined : await readModelImages(files, model);
  const keep = await keptOf(flags.keep, model);
  const beginning = { ...(images && { images }), ...(captions && { captions }) };
  const pairs = await interruptible(terminal, (signal) =>
    model.complete(beginning, { ...samplingOf(flags, model), keep, count, ...(candidates && { candidates }), signal }),
  );
  await writePairs(pairs, { ...flags, columns: count > 1 ? count : undefined }, terminal);
}

/** Images as files, captions on standard output. */
async function writePairs(
  { captions, images }: { readonly captions: readonly string[]; readonly images: ImageBatch },
  { columns, ...flags }: OutputFlags & { readonly columns?: number | undefined },
  { stderr, stdout }: Terminal,
): Promise<void> {
  stderr.write(`Wrote ${await writeImages(flags, { images, captions, columns })}\n`);
  for (const text of captions) {
    stdout.write(text === "" ? "" : `${text}\n`);
  }
}

/** What `--keep` says; a mask is still a file. */
type KeptPart = Exclude<Kept, { readonly mask: unknown }> | { readonly mask: string };

/** `rows=0.5` as a part that is kept. */
function keptPart(text: string): KeptPart {
  const [, name, amount = ""] = /^(rows|columns|codes|words|mask)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || (name !== "mask" && !Number.isFinite(Number(amount)))) {
    throw new ConfigError(
      `--keep: expected rows=, columns=, codes= or words= and a number, or mask= and a PNG file, got ${text}.`,
    );
  }
  return name === "mask" ? { mask: amount } : ({ [name]: Number(amount) } as KeptPart);
}

async function keptOf(part: KeptPart, { vqvae }: MultimodalModel): Promise<Kept> {
  if (!("mask" in part)) {
    return part;
  }
  const { height, width } = vqvae.imageShape;
  const { data } = await readImages([part.mask], { height, width, channels: 1, maxValue: 1 }, { fit: "fill" });
  return { mask: data };
}
