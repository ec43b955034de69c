import {
  fromCaller,
  interruptSignal,
  Narrator,
  runCommand,
  runFolders,
  selectTrainingBackend,
  stopAfter,
} from "@mmgen/example-common";
import { exampleFolder } from "./example-folder.js";
import { parseStartOptions } from "./options.js";
import { runPipeline } from "./run.js";
import { newSettings, resumedSettings } from "./settings.js";
import { summary } from "./summary.js";

await runCommand(async () => {
  const options = parseStartOptions(process.argv.slice(2));
  const folders = runFolders(options.out, exampleFolder);
  const settings = await (options.resume ? resumedSettings(options, folders) : newSettings(options));
  const narrator = new Narrator(folders);
  const interrupt = interruptSignal();
  const backend = await selectTrainingBackend(options.backend);
  narrator.line(`Backend: ${backend}. Preset: ${settings.preset}, seed ${settings.seed}.`);
  const metrics = await runPipeline({
    settings,
    folders,
    dataDir: options.dataDir === undefined ? undefined : fromCaller(options.dataDir),
    resume: options.resume,
    backend,
    narrator,
    observers: options.stopAfter === undefined ? [] : [stopAfter(options.stopAfter, interrupt, narrator.line)],
    signal: interrupt.signal,
  });
  process.stdout.write(summary(metrics, folders));
});
