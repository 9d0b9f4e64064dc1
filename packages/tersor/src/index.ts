/** The public API. Re-exports only. */
export { ERRORS, type ErrorCode, TersorError } from './core/error.ts';
export type { Model, Weight } from './core/model.ts';
