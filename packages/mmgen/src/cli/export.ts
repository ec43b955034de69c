import { type Command, Option } from "commander";
import { exportTo } from "../export/model-repository.js";
import { openModel } from "./open-model.js";
import { aboveZero, positiveNumber, wholeNumber, zeroOrMore } from "./option-groups.js";
import type { Terminal } from "./terminal.js";

interface ExportFlags {
  readonly out: string;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly maxBatch: number;
  readonly queueDelay: number;
}

/** Adds `mmgen export`. */
export function addExportCommand(program: Command, terminal: Terminal): void {
  program
    .command("export")
    .description("Writes a model as ONNX files, in the folder layout that Triton and KServe serve.")
    .argument("<model>", "folder of a model, or its address on the web")
    .option("--out <folder>", "where the ONNX files go", "models")
    .option("--temperature <number>", "0 takes the likeliest, 1 draws as learned (default: the model's)", zeroOrMore)
    .option("--top-p <number>", "keep the likeliest that reach this probability (default: the model's)", aboveZero)
    .option("--top-k <number>", "keep so many of the likeliest (default: the model's)", positiveNumber)
    .addOption(
      new Option("--max-batch <number>", "rows that a server puts together at most")
        .argParser(positiveNumber)
        .default(64),
    )
    .addOption(
      new Option("--queue-delay <number>", "microseconds that a server waits for more rows")
        .argParser(wholeNumber)
        .default(5000),
    )
    .action((path: string, flags: ExportFlags) => exportModel({ path, flags }, terminal));
}

async function exportModel(
  { flags, path }: { readonly path: string; readonly flags: ExportFlags },
  terminal: Terminal,
): Promise<void> {
  // The graphs are those that the engine on ONNX Runtime records.
  using model = await openModel(path, { backend: "onnx", device: "auto" }, terminal);
  const { temperature, topK, topP } = { ...model.config.sampling, ...flags };
  const { maxBatch, out, queueDelay } = flags;
  const names = await exportTo(out, model, { temperature, topK, topP, maxBatch, queueDelay });
  terminal.stderr.write(`Wrote ${names.join(", ")} and tokenizer.json to ${out}\n`);
}
