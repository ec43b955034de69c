// How test/mpi starts processes: on this machine, or in two network namespaces that stand for two.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const asRoot = { OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" };
const env = { ...process.env, ...asRoot };
// Without it, mpirun kills a second after Ctrl-C.
const patient = { ...env, OMPI_MCA_odls_base_sigkill_timeout: "20" };

/** Where processes run: the command that starts as many as asked for. */
export const here = (processes) => ["mpirun", "-n", String(processes), "--oversubscribe", "--bind-to", "none"];

/** Runs a command to its end. */
export function run([command, ...args], cwd) {
  return spawnSync(command, args, { cwd, encoding: "utf8", env, timeout: 120_000 });
}

/** Runs a command, and sends it a signal as soon as `isTime`; its status and errors. */
export async function interrupt([command, ...args], cwd, signal, isTime) {
  const child = spawn(command, args, { cwd, env: patient, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const timer = setInterval(() => {
    if (isTime()) {
      clearInterval(timer);
      child.kill(signal);
    }
  }, 50);
  const status = await ended;
  clearInterval(timer);
  return { status, stderr };
}

/**
 * Two hosts of one process each, which reach each other by TCP alone: network namespaces.
 *
 * @returns The launcher of {@link here}'s form and how to remove them; undefined where this user cannot make any.
 */
export function twoHosts(folder) {
  const names = ["a", "b"].map((host) => `mmgen-mpi-${process.pid}-${host}`);
  const [addresses, links] = [
    ["10.77.13.1", "10.77.13.2"],
    ["mmgen-a", "mmgen-b"],
  ];
  const ip = (...args) => spawnSync("ip", args, { stdio: "ignore" }).status === 0;
  const remove = () => names.map((name) => ip("netns", "delete", name));
  const isMade =
    names.every((name) => ip("netns", "add", name)) &&
    ip("link", "add", links[0], "netns", names[0], "type", "veth", "peer", "name", links[1], "netns", names[1]) &&
    names.every(
      (name, i) =>
        ip("-n", name, "link", "set", "lo", "up") &&
        ip("-n", name, "addr", "add", `${addresses[i]}/24`, "dev", links[i]) &&
        ip("-n", name, "link", "set", links[i], "up"),
    );
  if (!isMade) {
    remove();
    return undefined;
  }
  // Stands for ssh, which is given a host and a command.
  const agent = join(folder, "agent.sh");
  writeFileSync(agent, `#!/bin/sh\nshift\nexec ip netns exec ${names[1]} sh -c "$*"\n`);
  chmodSync(agent, 0o755);
  const network = ["btl_tcp_if_include", "oob_tcp_if_include"].flatMap((name) => ["--mca", name, "10.77.13.0/24"]);
  const start = ["ip", "netns", "exec", names[0], "mpirun", "-n", "2", "--bind-to", "none"];
  const hosts = ["--host", addresses.map((address) => `${address}:1`).join(), "--mca", "plm_rsh_agent", agent];
  return { command: [...start, ...hosts, ...network, "--mca", "btl", "tcp,self"], remove };
}
