import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { TextBinding } from '../../../client/editor/text-binding.ts';
import { FakeField } from './fake-field.ts';

const LONE_SURROGATE = /\p{Cs}/u;

/** A person at a text field, whose updates reach the others when `exchange` says so. */
interface Writer {
  readonly doc: Y.Doc;
  readonly text: Y.Text;
  readonly field: FakeField;
  readonly binding: TextBinding;
}

function writer(clientID: number, from?: Y.Doc): Writer {
  const doc = new Y.Doc();
  doc.clientID = clientID;
  if (from !== undefined) receive(doc, from);
  const text = doc.getText('text');
  const field = new FakeField();
  return { doc, text, field, binding: new TextBinding(text, field) };
}

function receive(doc: Y.Doc, from: Y.Doc): void {
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(from, Y.encodeStateVector(doc)), 'remote');
}

function exchange(a: Writer, b: Writer): void {
  receive(a.doc, b.doc);
  receive(b.doc, a.doc);
}

function pair(content: string): [Writer, Writer] {
  const a = writer(1);
  a.field.type(content);
  const b = writer(2, a.doc);
  return [a, b];
}

/** The field with `|` at the caret, or `[` `]` around the selection. */
function seen({ field }: Writer): string {
  const { value, selectionStart: start, selectionEnd: end } = field;
  const [left, right] = start === end ? ['|', ''] : ['[', ']'];
  return value.slice(0, start) + left + value.slice(start, end) + right + value.slice(end);
}

describe('typing', () => {
  it('shows what is there, and sends what is typed', () => {
    const [a, b] = pair('hello');
    expect(b.field.value).toBe('hello');
    b.field.select(5);
    b.field.type(' world');
    exchange(a, b);
    expect(a.field.value).toBe('hello world');
    expect(b.text.toJSON()).toBe('hello world');
  });

  it('is one small edit, not a rewrite', () => {
    const [a] = pair('x'.repeat(1_000));
    let bytes = 0;
    a.doc.on('update', (update: Uint8Array) => {
      bytes += update.length;
    });
    a.field.select(500);
    a.field.type('x');
    expect(bytes).toBeLessThan(40);
    expect(a.field.writes).toBe(1);
  });

  it('keeps offsets in documents with carriage returns and embedded objects', () => {
    const a = writer(1);
    a.text.insert(0, 'one\r\ntwo');
    a.text.insertEmbed(0, { image: 'x' });
    a.field.select(a.field.value.length);
    a.field.type('!');
    expect(a.text.toJSON()).toBe('one\r\ntwo!');
    a.field.select(1);
    a.field.type('>');
    expect(a.text.toJSON()).toBe('>one\r\ntwo!');
  });
});

describe('edits of others', () => {
  it('leave the caret at its text', () => {
    const [a, b] = pair('hello world');
    a.field.select(5);
    b.field.select(0);
    b.field.type('>> ');
    exchange(a, b);
    expect(seen(a)).toBe('>> hello| world');
    b.field.select(14);
    b.field.type('!');
    exchange(a, b);
    expect(seen(a)).toBe('>> hello| world!');
    b.field.select(5, 10);
    b.field.backspace();
    exchange(a, b);
    expect(seen(a)).toBe('>> he|orld!');
  });

  it('leave the selection around its text, in its direction, and the view where it was', () => {
    const [a, b] = pair('hello world');
    a.field.setSelectionRange(6, 11, 'backward');
    a.field.scrollTop = 120;
    b.field.select(6);
    b.field.type('big ');
    b.field.select(15);
    b.field.type('!');
    exchange(a, b);
    expect(seen(a)).toBe('hello big [world]!');
    expect(a.field.selectionDirection).toBe('backward');
    expect(a.field.scrollTop).toBe(120);
  });

  it('do not interleave with ours when both type at one place', () => {
    const [a, b] = pair('');
    for (const [ours, theirs] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ] as const) {
      a.field.type(ours);
      b.field.type(theirs);
      exchange(a, b);
    }
    expect(a.field.value).toBe(b.field.value);
    expect(['abc123', '123abc']).toContain(a.field.value);
  });
});

describe('composition', () => {
  it('is sent as it goes, and the field is not written before it ends', () => {
    const [a, b] = pair('say  now');
    a.field.select(4);
    a.field.fire('compositionstart');
    a.field.type('k');
    const { writes } = a.field;
    b.field.select(0);
    b.field.type('1: ');
    b.field.select(b.field.value.length);
    b.field.type('!');
    exchange(a, b);
    expect(b.field.value).toBe('1: say k now!');
    a.field.recompose(1, 'かな');
    exchange(a, b);
    expect(b.field.value).toBe('1: say かな now!');
    expect(a.field.value).toBe('say かな now');
    expect(a.field.writes).toBe(writes);
    a.field.recompose(2, '仮名');
    a.field.fire('compositionend');
    exchange(a, b);
    expect(seen(a)).toBe('1: say 仮名| now!');
    expect(b.field.value).toBe('1: say 仮名 now!');
  });

  it('survives that others delete the text around it', () => {
    const [a, b] = pair('one two three');
    a.field.select(7);
    a.field.fire('compositionstart');
    a.field.type('x');
    b.field.select(4, 8);
    b.field.backspace();
    exchange(a, b);
    a.field.recompose(1, 'xyz');
    a.field.fire('compositionend');
    exchange(a, b);
    expect(seen(a)).toBe('one xyz|three');
    expect(b.field.value).toBe('one xyzthree');
  });
});

describe('undo', () => {
  it('takes back own edits only, and puts the caret there', () => {
    const [a, b] = pair('');
    a.field.type('mine ');
    exchange(a, b);
    b.field.select(5);
    b.field.type('theirs');
    exchange(a, b);
    expect(a.field.press('z').defaultPrevented).toBe(true);
    expect(seen(a)).toBe('|theirs');
    a.field.press('Z', { shiftKey: true });
    expect(seen(a)).toBe('mine |theirs');
    a.field.press('z');
    a.field.press('y');
    exchange(a, b);
    expect(b.field.value).toBe('mine theirs');
  });
});

it('lets go of both when destroyed', () => {
  const [a] = pair('text');
  a.binding.destroy();
  a.field.select(0);
  a.field.type('x');
  expect(a.text.toJSON()).toBe('text');
  a.text.insert(0, 'y');
  expect(a.field.value).toBe('xtext');
});

it('converges after any interleaving of typing, composing, undoing and exchanging', () => {
  const words = fc.constantFrom('a', 'bb', '\n', '😀', '😁', 'かな', '');
  const action = fc.record({
    who: fc.boolean(),
    what: fc.constantFrom(
      'type',
      'type',
      'backspace',
      'compose',
      'end',
      'exchange',
      'receive',
      'undo',
      'redo',
    ),
    from: fc.nat(30),
    to: fc.nat(6),
    word: words,
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const [a, b] = pair('start 😀 text');
      const composing = new Set<Writer>();
      for (const { who, what, from, to, word } of actions) {
        const [me, other] = who ? [a, b] : [b, a];
        const { field } = me;
        switch (what) {
          case 'compose':
            if (!composing.has(me)) field.fire('compositionstart');
            composing.add(me);
            field.recompose(0, word);
            break;
          case 'end':
            if (composing.delete(me)) field.fire('compositionend');
            break;
          case 'exchange':
            exchange(a, b);
            break;
          case 'receive':
            receive(me.doc, other.doc);
            break;
          case 'undo':
            field.press('z');
            break;
          case 'redo':
            field.press('y');
            break;
          case 'type':
          case 'backspace':
            // The caret does not stand inside of a character in browsers.
            field.select(whole(field.value, from), whole(field.value, from + to));
            if (what === 'type') field.type(word);
            else if (field.selectionStart < field.selectionEnd) field.backspace();
            break;
        }
        expect(composing.has(me) || field.value === me.text.toJSON()).toBe(true);
      }
      for (const me of composing) me.field.fire('compositionend');
      exchange(a, b);
      expect(a.field.value).toBe(a.text.toJSON());
      expect(b.field.value).toBe(a.field.value);
      expect(a.field.value).not.toMatch(LONE_SURROGATE);
    }),
    { numRuns: 2_000 },
  );
});

function whole(value: string, offset: number): number {
  const at = offset % (value.length + 1);
  return LONE_SURROGATE.test(value.slice(0, at)) ? at - 1 : at;
}
