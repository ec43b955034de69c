import type { LabeledImages } from "@mmgen/datasets";
import { loadDigits } from "@mmgen/datasets/node";
import { beginRun, describeRunData } from "@mmgen/example-common";
import { embedLatents } from "./embed.js";
import { evaluateImages } from "./evaluate-images.js";
import { writeLatents, writeLogos, writeReconstructions } from "./images.js";
import { digitNames, type LetterPairs, lineTokenizer } from "./letters.js";
import type { RunMetrics } from "./run-metrics.js";
import { finish, learnLines, observersOf, type Run } from "./run-stages.js";
import { trainLetters } from "./train-letters.js";

/** The whole road: images, letters, lines, both tasks. */
export async function runFromImages(run: Run): Promise<RunMetrics> {
  const { checkpoints, narrator, settings, signal, write } = run;
  const { config, data, seed } = settings;
  narrator.stage("Data");
  const digits = await loadDigits({
    source: data,
    seed,
    ...config.data,
    dataDir: run.dataDir,
    onMessage: narrator.line,
  });
  const { train, validation, test, source } = digits;
  await beginRun(run, describeRunData(source, [train.images.data, train.labels]));

  narrator.stage("Letters");
  const letters = await trainLetters({
    config: config.tokenizer,
    train: train.images,
    validation: validation.images,
    seed,
    checkpoints,
    observers: observersOf(run, "letters"),
    signal,
  });
  using vqvae = letters.vqvae;
  const { codebookSize, chunks } = config.tokenizer;
  const tokenizer = lineTokenizer(codebookSize, chunks);
  const pairsOf = async ({ images, labels }: LabeledImages): Promise<LetterPairs> => ({
    codes: await vqvae.encode(images),
    captions: Array.from(labels, (label) => digitNames[label]!),
  });
  const [trainPairs, validationPairs, testPairs] = [
    await pairsOf(train),
    await pairsOf(validation),
    await pairsOf(test),
  ];

  const transformerHistory = await learnLines(run, tokenizer, trainPairs, validationPairs);

  narrator.stage("Evaluation");
  const evaluation = await evaluateImages(run, { vqvae, tokenizer, train, test, testPairs });
  const positions = await embedLatents(vqvae, test.images, config.evaluation.embedded, seed);

  narrator.stage("Images");
  return finish(run, {
    source,
    evaluatedOn: "test images",
    evaluation: evaluation.lines,
    imageMetrics: evaluation.figures,
    histories: { tokenizer: letters.history, transformer: transformerHistory },
    images: {
      logos: await writeLogos(write, tokenizer, trainPairs),
      reconstructions: await writeReconstructions(write, test.images, evaluation.reconstruction),
      latents: await writeLatents(write, positions, test.labels),
      generated: evaluation.generated,
    },
  });
}
