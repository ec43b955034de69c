import { addRunOptions, type RunFlags } from "@mmgen/example-common";
import { Command } from "commander";
import { type PresetName, presetNames } from "./presets.js";

/** What `--data` takes. */
export const dataChoices = ["auto", "mnist", "procedural", "colored-mnist"] as const;
export type DataChoice = (typeof dataChoices)[number];

/** The options of `npm start`, as typed. */
export type StartOptions = RunFlags<PresetName, DataChoice>;

/** The command line of `npm start`; a wrong option prints one line and throws a CommanderError. */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  const command = new Command("npm start --")
    .description("Trains an image tokenizer and a transformer on captioned digits, then draws, captions and invents.")
    .exitOverride();
  addRunOptions(command, { presets: presetNames, data: dataChoices, dataDir: "the files of MNIST or colored MNIST" });
  return command.parse([...argv], { from: "user" }).opts();
}
