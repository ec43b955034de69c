import { CheckpointError, describeValue, fileBytes, fingerprint, MmgenError } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { LoadOptions } from "@mmgen/nn";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";

/** What completes sequences of image codes and words. */
export interface SequenceModels {
  readonly tokenizer: MultimodalTokenizer;
  readonly transformer: TinyTransformer;
}

/** The three parts of a multimodal model. */
export interface ModelParts extends SequenceModels {
  readonly vqvae: VqVae;
}

/** Names of a model's files. */
export const modelFiles = {
  vqvae: "vqvae.safetensors",
  tokenizer: "tokenizer.json",
  transformer: "transformer.safetensors",
  /** Configuration, seed and sampling defaults; files of older versions go without it. */
  model: "model.json",
} as const;

/** Reads a file of a model by name; undefined where there is none. */
export type ReadModelFile = (name: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/**
 * Reads tokenizer and transformer, without an image codec.
 *
 * @throws a {@link CheckpointError} naming the file that is missing, damaged, or of another run.
 */
export async function loadSequenceModels(read: ReadModelFile, { limits }: LoadOptions = {}): Promise<SequenceModels> {
  const tokenizerText = await readPart(read, modelFiles.tokenizer, (bytes) => new TextDecoder().decode(bytes));
  const tokenizer = parsePart(modelFiles.tokenizer, () => MultimodalTokenizer.fromJSON(tokenizerText));
  const transformer = await readPart(read, modelFiles.transformer, (bytes) =>
    TinyTransformer.fromSafetensors(bytes, { limits }),
  );
  try {
    checkSizes({ tokenizer, transformer });
    await checkRuns(tokenizerText, { [modelFiles.transformer]: transformer.run }, { tokenizer });
  } catch (error) {
    transformer.dispose();
    throw error;
  }
  return { tokenizer, transformer };
}

/**
 * Reads all parts of a model and checks that they belong together.
 *
 * @param run - Id of the run that the model's description names, if it does.
 * @param options - `limits`: what the files may take.
 * @throws a {@link CheckpointError} naming the file that is missing, damaged, or of another run.
 */
export async function loadModelParts(
  read: ReadModelFile,
  run?: string,
  { limits }: LoadOptions = {},
): Promise<ModelParts> {
  const tokenizerText = await readPart(read, modelFiles.tokenizer, (bytes) => new TextDecoder().decode(bytes));
  const tokenizer = parsePart(modelFiles.tokenizer, () => MultimodalTokenizer.fromJSON(tokenizerText));
  const vqvae = await readPart(read, modelFiles.vqvae, (bytes) => VqVae.fromSafetensors(bytes, { limits }));
  let transformer: TinyTransformer | undefined;
  try {
    transformer = await readPart(read, modelFiles.transformer, (bytes) =>
      TinyTransformer.fromSafetensors(bytes, { limits }),
    );
    const parts = { vqvae, tokenizer, transformer };
    checkSizes(parts);
    const runs = { [modelFiles.vqvae]: vqvae.run, [modelFiles.transformer]: transformer.run };
    await checkRuns(tokenizerText, { ...runs, [modelFiles.model]: run }, parts);
    return parts;
  } catch (error) {
    vqvae.dispose();
    transformer?.dispose();
    throw error;
  }
}

/**
 * Throws a {@link CheckpointError} unless the parts fit each other, as far as their sizes tell.
 *
 * @param parts - With an image codec or without.
 */
export function checkSizes({ tokenizer, transformer, vqvae }: SequenceModels & Partial<ModelParts>): void {
  const { codebookSize, codeGrid } = tokenizer.config;
  const fitsCodec =
    vqvae === undefined ||
    (vqvae.codebookSize === codebookSize &&
      vqvae.codeGrid.height === codeGrid.height &&
      vqvae.codeGrid.width === codeGrid.width);
  const fitsTransformer =
    transformer.vocabularySize === tokenizer.vocabularySize && transformer.contextLength >= tokenizer.sequenceLength;
  if (!fitsCodec || !fitsTransformer) {
    const [files, sizes] = fitsCodec
      ? [
          `${modelFiles.tokenizer} and ${modelFiles.transformer}`,
          `${tokenizer.vocabularySize} ids in sequences of ${tokenizer.sequenceLength}, and ${transformer.vocabularySize} of ${transformer.contextLength}`,
        ]
      : [
          `${modelFiles.vqvae} and ${modelFiles.tokenizer}`,
          `${vqvae!.codebookSize} codes in a grid of ${vqvae!.codeGrid.height}×${vqvae!.codeGrid.width}, and ${codebookSize} of ${codeGrid.height}×${codeGrid.width}`,
        ];
    throw new CheckpointError(
      `${files} are of different runs: they have ${sizes}. Load all files from the folder of one training.`,
    );
  }
}

/**
 * The id of the run that these parts come from, for the headers of its files: it says which weights made the image codes
 * and which tokenizer wrote the sequences.
 *
 * @param like - A stored id that the result is to be compared with. Ids of before the first release are shorter; for one of
 *   them the result is as it would have been then. Default: none.
 */
export async function runIdOf(
  { tokenizer, vqvae }: Pick<ModelParts, "tokenizer"> & Partial<ModelParts>,
  like?: string,
): Promise<string> {
  const kind = tokenizerIdIn(like);
  const text = fingerprint([new TextEncoder().encode(JSON.stringify(tokenizer))], kind);
  if (vqvae === undefined) {
    return text;
  }
  return `${fingerprint(await weightBytes(vqvae), kind)}-${text}`;
}

/** The bytes of each of a model's weights, for a fingerprint. */
export async function weightBytes(model: Pick<VqVae, "storeWeights">): Promise<Uint8Array[]> {
  // By name: a compiler may have left the order of a class's fields to its constructor.
  const weights = [...(await model.storeWeights())].sort(([a], [b]) => (a < b ? -1 : 1));
  return weights.map(([, { data }]) => bytesOf(data));
}

/**
 * Checks that a file that belongs to these parts, such as a classifier of the same run, is of their run.
 *
 * @param name - The file's.
 * @param run - The id in its header; where it has none there is nothing to compare.
 * @throws a {@link CheckpointError} that names the file and both runs.
 */
export async function checkRunId(
  name: string,
  run: string | undefined,
  parts: Pick<ModelParts, "tokenizer"> & Partial<ModelParts>,
): Promise<void> {
  const expected = await runIdOf(parts, run);
  if (run !== undefined && run !== expected) {
    throw new CheckpointError(
      `${name} is of another run than the files beside it: ${describeValue(run)}, not ${describeValue(expected)}. ` +
        "Keep the files of one run together.",
    );
  }
}

/** A run id begins with that of the image codec's weights. */
function codesIdIn(run: string): string | undefined {
  return run.split("-")[0];
}

/** A run id ends with that of the run's tokenizer. */
function tokenizerIdIn(run: string | undefined): string | undefined {
  return run?.split("-").at(-1);
}

function bytesOf({ buffer, byteLength, byteOffset }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A tokenizer as the JSON file that {@link loadModelParts} reads. */
export function tokenizerFile(tokenizer: MultimodalTokenizer): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(tokenizer, null, 2)}\n`);
}

/**
 * Throws a {@link CheckpointError} where a file's header names another run than the others or another tokenizer.
 *
 * @param parts - Those that were read.
 */
async function checkRuns(
  tokenizerText: string,
  runs: Readonly<Record<string, string | undefined>>,
  parts: Pick<ModelParts, "tokenizer"> & Partial<ModelParts>,
): Promise<void> {
  const tokenizer = [new TextEncoder().encode(JSON.stringify(JSON.parse(tokenizerText)))];
  // Files of versions without run ids have none to compare.
  const known = Object.entries(runs).filter(([, run]) => run !== undefined) as [string, string][];
  const foreign = known.find(([, run]) => tokenizerIdIn(run) !== fingerprint(tokenizer, tokenizerIdIn(run)));
  if (foreign !== undefined) {
    throw new CheckpointError(differentRuns(foreign[0], modelFiles.tokenizer));
  }
  for (const [name, run] of known.slice(1)) {
    const [first, firstRun] = known[0]!;
    // A run that went on after the kind of ids had changed leaves files of both: their weights tell.
    const isSame =
      run === firstRun || (run.length !== firstRun.length && codesIdIn(run) === codesIdIn(await runIdOf(parts, run)));
    if (!isSame) {
      throw new CheckpointError(differentRuns(first, name));
    }
  }
}

function differentRuns(one: string, other: string): string {
  return `${one} and ${other} are of different runs. Load all files from the folder of one training.`;
}

async function readPart<Part>(read: ReadModelFile, name: string, parse: (bytes: Uint8Array) => Part): Promise<Part> {
  const bytes = await read(name);
  if (bytes === undefined) {
    throw new CheckpointError(`There is no ${name}. Train a model first, or read from the folder one was saved to.`);
  }
  return parsePart(name, () => parse(fileBytes(bytes, name)));
}

function parsePart<Part>(name: string, parse: () => Part): Part {
  try {
    return parse();
  } catch (error) {
    if (MmgenError.isInstance(error)) {
      throw new CheckpointError(`${name}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
