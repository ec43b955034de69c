import { runCommand } from "@mmgen/example-harness";
import { commands, runCommandLine } from "./commands.js";

await runCommand(() => runCommandLine(process.argv.slice(2), commands));
