// The environment first: a spec asks for it while it is defined.
import "./environment.js";
import "@tensorflow/tfjs-core/dist/tests.js";
