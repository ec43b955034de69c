// `npm run test:batch`: examples/batch with a queue of its own, workers that are killed, a shard that fails at first, and a
// submission that is stopped and goes on. Needs `redis-server` of the system's packages; passes with one line without.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

if (spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status !== 0) {
  console.log("Skipped batches over many machines: there is no redis-server (apt-get install redis-server).");
} else {
  const started = Date.now();
  const folder = mkdtempSync(join(tmpdir(), "mmgen-batch-"));
  const children = [];
  try {
    await check(folder, children);
    console.log(`Took ${((Date.now() - started) / 1000).toFixed(1)} s.`);
  } finally {
    const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const gone = running.map((child) => once(child, "exit"));
    for (const child of running) {
      child.kill("SIGKILL");
    }
    await Promise.all(gone);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function check(folder, children) {
  const [example, inputs] = await Promise.all([
    bundle(path("../../examples/batch/src/main.ts"), "mmgen-batch", /^(bullmq|ioredis)$/),
    bundle(path("inputs.ts"), "mmgen-batch-inputs"),
  ]);
  const port = await freePort();
  const redis = `redis://127.0.0.1:${port}`;
  const server = spawn("redis-server", ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--dir", folder]);
  children.push(server);
  run(inputs, "write", folder);
  await answers(port);

  const start = (...args) => {
    // No INIT_CWD of a surrounding npm: paths are those of the folder.
    const { INIT_CWD: _, ...env } = process.env;
    const child = spawn(process.execPath, [example, ...args, "--redis", redis], { cwd: folder, env });
    child.said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => (child.said += chunk));
    }
    children.push(child);
    return child;
  };
  const worker = () => start("worker", "--lock-seconds", "1", "--device", "cpu");
  const encode = () => start("encode", "images", "--model", "model", "--out", "encoded", "--shard", "100");
  const shard = (number) => join(folder, "encoded", `shard-00000${number}.safetensors`);

  // A worker is killed in the midst of a shard; the submission is stopped meanwhile.
  const first = worker();
  const stopped = encode();
  await says(() => first.said, "shard 0\n");
  await says(() => first.said, "shard 1\n");
  first.kill("SIGKILL");
  stopped.kill("SIGINT");
  const [status] = await once(stopped, "close");
  assert.equal(status, 130, stopped.said);
  assert.ok(existsSync(shard(0)) && !existsSync(shard(1)), "the worker was killed between shards");

  // Two others take its shard over; an image that is missing at first is tried again.
  const image = join(folder, "images", "0500.png");
  const again = encode();
  await says(() => again.said, "of 600");
  renameSync(image, `${image}.away`);
  const others = [worker(), worker()];
  const said = () => others.map((other) => other.said).join("");
  await says(said, "0500.png");
  renameSync(`${image}.away`, image);
  await ends(again);
  assert.match(again.said, /100 of 600 \(16 %\)[\s\S]*600 of 600 \(100 %\)\nWrote /);
  const log = said();
  assert.match(log, /^Backend: onnx \(ONNX Runtime on the CPU, asked for\)\.$/m);
  assert.match(log, /-1 is taken over from a worker that is gone/);
  assert.match(log, /shard 5: .*0500\.png/);
  assert.doesNotMatch(log, /^shard 0$/m);

  // Captions are drawn by both; a second submission finds all done, and another plan is refused.
  const draw = (...args) => start("draw", "captions.txt", "--model", "model", "--out", "drawn", "--seed", "7", ...args);
  await ends(draw("--shard", "40"));
  await ends(draw("--shard", "40"));
  const refused = draw("--shard", "30");
  assert.equal((await once(refused, "close"))[0], 2);
  assert.match(refused.said, /^Error: .* holds the results of another plan/m);
  for (const other of others) {
    other.kill("SIGTERM");
  }
  await Promise.all(others.map((other) => other.exitCode ?? once(other, "close")));
  run(inputs, "check", folder);
}

function run(...args) {
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
}

async function says(said, text) {
  const deadline = Date.now() + 60_000;
  while (!said().includes(text)) {
    assert.ok(Date.now() < deadline, `waited for ${JSON.stringify(text)} in:\n${said()}`);
    await wait(5);
  }
}

async function ends(child) {
  const [status] = child.exitCode === null ? await once(child, "close") : [child.exitCode];
  assert.equal(status, 0, child.said);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function answers(port) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const socket = createConnection(port, "127.0.0.1");
    const isThere = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) {
      return;
    }
    assert.ok(Date.now() < deadline, "redis-server did not start");
    await wait(50);
  }
}
