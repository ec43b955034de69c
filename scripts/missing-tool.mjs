import { spawnSync } from "node:child_process";

/**
 * What a check of this repository needs and this machine lacks: a program or Python's pip.
 *
 * @param {...string} programs - Beside python3.
 * @returns {string | undefined} Its name; undefined where all are there.
 */
export function missingTool(...programs) {
  const starts = (program, ...args) => spawnSync(program, args, { stdio: "ignore" }).status === 0;
  return (
    ["python3", ...programs].find((program) => !starts(program, "--version")) ??
    (starts("python3", "-m", "pip", "--version") ? undefined : "pip")
  );
}
