import { runCommand } from "@mmgen/example-common";
import { commands } from "./commands.js";
import { runCommandLine } from "./options.js";

await runCommand(() => runCommandLine(process.argv.slice(2), commands));
