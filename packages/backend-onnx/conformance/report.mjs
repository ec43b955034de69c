/** Prints one line: run, passed, failed, excluded. */
export function printCounts(title, results) {
  const count = (status) => [...results.values()].filter((result) => result.status === status).length;
  const [passed, failed, excluded] = [count("passed"), count("failed"), count("excluded")];
  const run = passed + failed;
  console.log(`${title}: ${run} run, ${passed} passed, ${failed} failed, ${excluded} excluded`);
}

export function printExclusions(exclusions) {
  for (const { name, reason } of exclusions) {
    console.log(`excluded: ${name}: ${reason}`);
  }
}

/** Lists the specs that fail here; those that fail on the cpu backend too are left out where it ran. */
export function printFailures({ cpu, none: _, ...others }) {
  for (const [backend, results] of Object.entries(others)) {
    for (const [name, { status, reasons }] of results) {
      if (status === "failed" && cpu?.get(name)?.status !== "failed") {
        console.log(`${backend}: ${name}: ${reasons[0]?.split("\n")[0] ?? ""}`);
      }
    }
  }
}
