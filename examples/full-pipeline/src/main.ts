import { selectTrainingBackend } from "./backend.js";
import { runCommand } from "./errors.js";
import { interruptSignal } from "./interruption.js";
import { Narrator } from "./narrator.js";
import { parseStartOptions } from "./options.js";
import { fromCaller, runFolders } from "./paths.js";
import { runPipeline } from "./run.js";
import { newSettings, resumedSettings } from "./settings.js";
import { stopAfter } from "./stop-after.js";
import { summary } from "./summary.js";

await runCommand(async () => {
  const options = parseStartOptions(process.argv.slice(2));
  const folders = runFolders(options.out);
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
