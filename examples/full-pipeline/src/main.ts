import { prepareRun, runCommand } from "@mmgen/example-common";
import { exampleFolder } from "./example-folder.js";
import { parseStartOptions } from "./options.js";
import { runPipeline } from "./run.js";
import { newSettings, resumedSettings } from "./settings.js";
import { summary } from "./summary.js";

await runCommand(async () => {
  const options = parseStartOptions(process.argv.slice(2));
  const run = await prepareRun(options, exampleFolder, (folders) =>
    options.resume ? resumedSettings(options, folders) : newSettings(options),
  );
  process.stdout.write(summary(await runPipeline(run), run.folders));
});
