/**
 * Reads PromQL as far as rules and dashboards here use it: throws where the syntax is wrong, and tells which metrics with
 * which labels an expression asks for. Not a type checker: `rate(5)` passes.
 *
 *   expr     = unary { binary [bool] [matching] unary }
 *   unary    = [+|-] postfix          postfix = primary { [range] | [range:step] | offset duration }
 *   primary  = number | string | ( expr ) | aggregate | name ( args ) | selector
 */

export interface Asked {
  readonly metric: string;
  readonly labels: readonly string[];
}

const TOKEN =
  /\s*(?:(\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*)|(0x[\da-f]+|\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([a-zA-Z_][\w:]*)|(==|!=|=~|!~|>=|<=|[-+*/%^<>=(){}[\],:@]))/iy;
const AGGREGATES =
  /^(sum|min|max|avg|group|stddev|stdvar|count|count_values|bottomk|topk|quantile)$/;
const FUNCTIONS =
  /^(abs|absent|absent_over_time|ceil|changes|clamp|clamp_max|clamp_min|delta|deriv|exp|floor|histogram_quantile|idelta|increase|irate|label_replace|last_over_time|ln|log2|max_over_time|min_over_time|avg_over_time|sum_over_time|count_over_time|quantile_over_time|rate|resets|round|scalar|sgn|sort|sort_desc|sqrt|time|timestamp|vector)$/;
const BINARY = /^(\+|-|\*|\/|%|\^|==|!=|>=|<=|>|<|and|or|unless|atan2)$/;

type Kind = 'duration' | 'number' | 'string' | 'name' | 'mark' | 'end';

interface Token {
  readonly kind: Kind;
  readonly text: string;
}

const KINDS: readonly Kind[] = ['duration', 'number', 'string', 'name', 'mark'];

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new SyntaxError(`${text} ← at ${at}: ${text.slice(at, at + 20)}`);
    const index = match.slice(1).findIndex((group) => group !== undefined);
    tokens.push({ kind: KINDS[index] ?? 'end', text: match[index + 1] ?? '' });
  }
  return [...tokens, { kind: 'end', text: '' }];
}

class Parser {
  readonly asked: Asked[] = [];
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  parse(): void {
    this.#expression();
    if (this.#next.kind !== 'end') this.#fail('the end');
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  #fail(wanted: string): never {
    throw new SyntaxError(`${this.#text} ← wants ${wanted}, has "${this.#next.text}"`);
  }

  #take(kind: Kind): string {
    if (this.#next.kind !== kind) this.#fail(kind);
    const { text } = this.#next;
    this.#at += 1;
    return text;
  }

  #takes(text: string): boolean {
    if (this.#next.text !== text || this.#next.kind === 'string') return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#takes(text)) this.#fail(text);
  }

  #expression(): void {
    this.#unary();
    while (BINARY.test(this.#next.text)) {
      this.#at += 1;
      this.#takes('bool');
      if (this.#takes('on') || this.#takes('ignoring')) this.#names();
      if (this.#takes('group_left') || this.#takes('group_right')) {
        if (this.#next.text === '(') this.#names();
      }
      this.#unary();
    }
  }

  #unary(): void {
    if (!this.#takes('-')) this.#takes('+');
    this.#primary();
    for (;;) {
      if (this.#takes('[')) {
        this.#take('duration');
        if (this.#takes(':') && this.#next.kind === 'duration') this.#take('duration');
        this.#expect(']');
      } else if (this.#takes('offset')) this.#take('duration');
      else return;
    }
  }

  #primary(): void {
    if (this.#takes('(')) {
      this.#expression();
      this.#expect(')');
      return;
    }
    if (this.#next.kind === 'number' || this.#next.kind === 'string') {
      this.#at += 1;
      return;
    }
    const name = this.#take('name');
    if (AGGREGATES.test(name)) {
      const isFirst = this.#grouping();
      this.#arguments();
      if (!isFirst) this.#grouping();
    } else if (this.#next.text === '(') {
      if (!FUNCTIONS.test(name)) this.#fail(`a function instead of ${name}`);
      this.#arguments();
    } else {
      this.asked.push({ metric: name, labels: this.#next.text === '{' ? this.#matchers() : [] });
    }
  }

  #grouping(): boolean {
    if (!this.#takes('by') && !this.#takes('without')) return false;
    this.#names();
    return true;
  }

  #arguments(): void {
    this.#expect('(');
    if (this.#takes(')')) return;
    do this.#expression();
    while (this.#takes(','));
    this.#expect(')');
  }

  #names(): void {
    this.#expect('(');
    if (this.#takes(')')) return;
    do this.#take('name');
    while (this.#takes(','));
    this.#expect(')');
  }

  #matchers(): string[] {
    const labels: string[] = [];
    this.#expect('{');
    while (!this.#takes('}')) {
      labels.push(this.#take('name'));
      if (!['=', '!=', '=~', '!~'].some((operator) => this.#takes(operator))) {
        this.#fail('an operator');
      }
      this.#take('string');
      if (this.#next.text !== '}') this.#expect(',');
    }
    return labels;
  }
}

/** @throws SyntaxError */
export function askedBy(expression: string): readonly Asked[] {
  const parser = new Parser(expression);
  parser.parse();
  return parser.asked;
}
