import { METHODS } from '../../src/methods/registry.gen.ts';
import { conformance } from './conformance.ts';

conformance(METHODS);
