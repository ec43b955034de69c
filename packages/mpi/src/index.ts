export { MpiGroup } from "./group/mpi-group.js";
export { endWithMpi, type JoinMpiOptions, joinMpi, type MpiProgram, runWithMpi } from "./group/run-with-mpi.js";
