/** Holds JSON against the schemas of the OpenAPI document: what it says is what is checked. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { schemas } from './api/schemas.ts';

const ajv = new Ajv2020({ strict: false });
ajv.addSchema({ $id: 'api', components: { schemas } });
const compiled = new Map<string, ValidateFunction>();

/** `name` of `components.schemas`. */
export function isValid(name: string, value: unknown): boolean {
  let validate = compiled.get(name);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `api#/components/schemas/${name}` });
    compiled.set(name, validate);
  }
  return validate(value);
}
