/**
 * Nesting depth of JSON text without parsing it: `JSON.parse` and `JSON.stringify` recurse, so text that is
 * nested thousands deep must be turned away before either sees it.
 */
export function hasDepthOver(json: string, depthMax: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < json.length; index += 1) {
    const unit = json.charCodeAt(index);
    if (isInString) {
      if (unit === 0x5c) index += 1;
      else if (unit === 0x22) isInString = false;
    } else if (unit === 0x22) {
      isInString = true;
    } else if (unit === 0x5b || unit === 0x7b) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (unit === 0x5d || unit === 0x7d) {
      depth -= 1;
    }
  }
  return false;
}
