// CPU time of one row's step, by settings: batch 64, vocabulary 1100, logits ready-made, grammar of 49 image
// ids out of 1024. `npm run bench:sampling`.
import { Random } from "@mmgen/core";
import { generate } from "@mmgen/samplers";

const rows = 64;
const vocabularySize = 1100;
const imageIds = 1024;
const steps = 49;

const logits = Random.fromSeed(1).normals(rows * vocabularySize, 3);
const model = {
  vocabularySize,
  contextLength: steps + 1,
  prefill: async () => ({ logits, length: 1, step: async () => logits, dispose: () => {} }),
};
const prompt = { data: new Int32Array(rows), count: rows, length: 1 };
const grammar = imageGrammar();

const settings = {
  greedy: { temperature: 0 },
  plain: {},
  "top-k 50": { topK: 50 },
  "top-p 0.95": { topP: 0.95 },
  "top-k 100, top-p 0.95": { topK: 100, topP: 0.95 },
  "typical 0.9": { typicalP: 0.9 },
  "repetition penalty 1.2, top-k 100, top-p 0.95, min-p 0.02, typical 0.9": {
    repetitionPenalty: 1.2,
    topK: 100,
    topP: 0.95,
    minP: 0.02,
    typicalP: 0.9,
  },
};

for (const [name, options] of Object.entries(settings)) {
  const run = (seed) => generate({ model, prompt, grammar, seed, ...options });
  for (let i = 0; i < 5; i++) {
    await run(i);
  }
  const times = [];
  for (let i = 0; i < 15; i++) {
    const start = process.cpuUsage();
    await run(i);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / (rows * steps));
  }
  const median = times.sort((a, b) => a - b)[7];
  console.log(`${name}: ${median.toFixed(1)} µs per row and step`);
}

function imageGrammar() {
  const stateCount = steps + 2;
  const allowed = new Uint8Array(stateCount * vocabularySize);
  const next = new Int32Array(stateCount * vocabularySize);
  allowed[0] = 1;
  next[0] = 1;
  for (let state = 1; state <= steps; state++) {
    allowed.fill(1, state * vocabularySize + 3, state * vocabularySize + 3 + imageIds);
    next.fill(state + 1, state * vocabularySize, (state + 1) * vocabularySize);
  }
  return { vocabularySize, stateCount, start: 0, allowed, next };
}
