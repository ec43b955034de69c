import { originOf } from "./origin.js";
import type { TrainingData, TrainingPlan } from "./training-plan.js";

/** The name of a model's folder and archive. */
export function folderName({ name }: Pick<TrainingPlan, "name">): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "-");
}

/** What stands beside a model's files: what it is, and how Node loads it. */
export function modelReadme(plan: TrainingPlan, { captions, classes, images }: TrainingData): string {
  const folder = folderName(plan);
  const said = captions?.[0] ?? classes?.names[0];
  const draws =
    said === undefined
      ? "const { images } = await model.invent({ count: 4, seed: 1 });"
      : `const images = await model.draw([${JSON.stringify(said)}], { count: 4, seed: 1 });`;
  const origin = originOf(plan.dataset);
  const text = captions ? " with captions" : classes ? ` of ${classes.names.length} classes` : "";
  return `# ${plan.name}

A model of images of ${images.width} × ${images.height} pixels${text}, trained in a browser by the mmgen playground on ${images.count} images: ${plan.codecSteps} steps of its image codec, ${plan.transformerSteps} of its transformer, seed ${plan.seed}. \`training.json\` has the loss of each step.
${origin && `\n${origin}\n`}
## In Node

Unpack this archive into a folder \`${folder}\`.

\`\`\`sh
npm install --ignore-scripts mmgen @mmgen/core @mmgen/plots @tensorflow/tfjs-core onnxruntime-node
\`\`\`

\`\`\`js
// draw.mjs: node draw.mjs
import { imageGrid } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { loadFrom } from "mmgen/node";

const model = await loadFrom("${folder}");
${draws}
await writePng("drawn.png", imageGrid({ images }));
model.dispose();
\`\`\`

## In the playground

Choose "Open a model …" in its list of models, and all files of the unpacked folder.
`;
}
