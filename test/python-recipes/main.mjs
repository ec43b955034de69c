// `npm run test:recipes`: the Python programs of docs/larger-than-one-machine.md and docs/serving.md, read from their text,
// against this project's own results. Needs a Python (`$MMGEN_PYTHON`, else `python3`) with onnxruntime, and with Ray or
// KServe: what is not there is skipped.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const python = process.env.MMGEN_PYTHON ?? "python3";
const env = { ...process.env, RAY_USAGE_STATS_ENABLED: "0", RAY_DATA_DISABLE_PROGRESS_BARS: "1" };
const has = (modules) => spawnSync(python, ["-c", `import onnxruntime, ${modules}`], { stdio: "ignore" }).status === 0;
const recipes = {
  "Ray Data": has("ray.data, PIL") && checkRay,
  KServe: has("kserve") && checkKServe,
};

const folder = mkdtempSync(join(tmpdir(), "mmgen-recipes-"));
try {
  let models;
  for (const [name, check] of Object.entries(recipes)) {
    if (!check) {
      console.log(`Skipped the recipe for ${name}: ${python} has not what it needs (MMGEN_PYTHON names another).`);
      continue;
    }
    if (models === undefined) {
      models = await bundle(path("models.ts"), "mmgen-recipes");
      run(process.execPath, [models, "write", folder]);
    }
    await check(models);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: "utf8", env, timeout: 300_000 });
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

/** The only block of a language in a page. */
function blockOf(page, language) {
  const text = readFileSync(path(`../../docs/${page}`), "utf8");
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(text)[1];
}

async function checkRay(models) {
  writeFileSync(join(folder, "batches.py"), blockOf("larger-than-one-machine.md", "python"));
  run(python, ["batches.py", "encode", "images", "encoded", "1"]);
  run(python, ["batches.py", "draw", "prompts.jsonl", "drawn", "1"]);
  const list = (name) => `pandas.read_parquet("${name}").to_json(orient="records")`;
  const both = `'{"encoded": ' + ${list("encoded")} + ', "drawn": ' + ${list("drawn")} + "}"`;
  run(python, ["-c", `import pandas; open("ray.json", "w").write(${both})`]);
  process.stdout.write(run(process.execPath, [models, "check", folder]));
}

async function checkKServe(models) {
  writeFileSync(join(folder, "serve.py"), blockOf("serving.md", "python"));
  // KServe listens everywhere; a test does not.
  const start =
    "import runpy, sys, uvicorn; Config = uvicorn.Config; " +
    'uvicorn.Config = lambda *a, **k: Config(*a, **{**k, "host": "127.0.0.1"}); ' +
    'sys.argv[0] = "serve.py"; runpy.run_path("serve.py", run_name="__main__")';
  const port = await freePort();
  const server = spawn(python, ["-c", start, "--http_port", `${port}`], { cwd: folder, env });
  let said = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.on("data", (text) => (said += text));
  }
  try {
    const url = `http://127.0.0.1:${port}`;
    const deadline = Date.now() + 120_000;
    while (
      !(await fetch(`${url}/v2/models/draw/ready`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      assert.ok(server.exitCode === null && Date.now() < deadline, `KServe does not answer:\n${said}`);
      await wait(200);
    }
    const source = path("../../node_modules/.cache/mmgen-recipes-client.ts");
    writeFileSync(source, blockOf("serving.md", "typescript"));
    const client = await bundle(source, "mmgen-recipes-client");
    writeFileSync(join(folder, "drawn.json"), run(process.execPath, [client, url]));
    process.stdout.write(run(process.execPath, [models, "served", folder, join(folder, "drawn.json")]));
  } finally {
    server.kill("SIGKILL");
    await once(server, "close");
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
