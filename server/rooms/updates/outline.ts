/**
 * Where what lies in an update: its sections, one a client, with the place of their struct bytes. A struct's
 * bytes say neither client nor clock, so that sections of several updates can be put together to one without
 * looking at a struct (assembly.ts). The outline of a base is made with it, in the compaction worker, and stored
 * beside it: scanning 15 MB again at each cold start would cost what it saves.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { SCAN_RULES } from './scan.ts';
import { REF, StructReader } from './struct-reader.ts';

/** Structs of one client that follow each other: `structs` of them, in `length` bytes at `offset`. */
export interface UpdateSection {
  readonly client: number;
  readonly clock: number;
  /** The clock behind the last struct. */
  readonly end: number;
  readonly structs: number;
  readonly offset: number;
  readonly length: number;
}

const FORMAT = 1;

/** The sections of a valid update, around Skips; throws `Refusal` on any other bytes. */
export function outline(update: Uint8Array): readonly UpdateSection[] {
  const reader = new StructReader(update, SCAN_RULES.stored);
  const sections: UpdateSection[] = [];
  for (let left = reader.count(5); left > 0; left--) readSection(reader, sections);
  return sections;
}

function readSection(reader: StructReader, sections: UpdateSection[]): void {
  let left = reader.count(2);
  const client = reader.client();
  let clock = reader.clock();
  let start = { clock, offset: reader.pos, structs: left };
  const end = (offset: number): void => {
    const structs = start.structs - left;
    if (structs === 0) return;
    const length = offset - start.offset;
    sections.push({
      client,
      clock: start.clock,
      end: clock,
      structs,
      offset: start.offset,
      length,
    });
  };
  for (; left > 0; left--) {
    reader.next();
    if (reader.ref === REF.skip) {
      end(reader.start);
      start = { clock: clock + reader.length, offset: reader.pos, structs: left - 1 };
    }
    clock += reader.length;
  }
  end(reader.pos);
}

/** The structs of a section from `clock` on: where the first of them begins. */
export interface SectionRest {
  /** Structs before it. */
  readonly skipped: number;
  /** Where it begins, within the section. */
  readonly offset: number;
  /** Its first clock: before `clock` if that lies within it. */
  readonly clock: number;
  /** Where it ends, within the section. */
  readonly stop: number;
}

/** `bytes`: those of the section, `clock` its first one; `from` lies within it. */
export function findStruct(bytes: Uint8Array, clock: number, from: number): SectionRest {
  const reader = new StructReader(bytes, SCAN_RULES.stored);
  let at = clock;
  for (let skipped = 0; ; skipped++) {
    reader.next();
    if (at + reader.length > from) {
      return { skipped, offset: reader.start, clock: at, stop: reader.pos };
    }
    at += reader.length;
  }
}

/** Outlines of several updates. What the head of a section says is not repeated: it is read there. */
export function encodeOutlines(outlines: readonly (readonly UpdateSection[])[]): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeUint8(encoder, FORMAT);
    encoding.writeVarUint(encoder, outlines.length);
    for (const sections of outlines) {
      encoding.writeVarUint(encoder, sections.length);
      for (const { clock, end, length } of sections) {
        encoding.writeVarUint(encoder, end - clock);
        encoding.writeVarUint(encoder, length);
      }
    }
  });
}

/**
 * What `encodeOutlines` wrote about these updates, none of which has Skips; null for anything else: another
 * format, damaged, or an outline of other bytes, as far as that can be told without walking them.
 */
export function decodeOutlines(
  bytes: Uint8Array,
  updates: readonly Uint8Array[],
): readonly (readonly UpdateSection[])[] | null {
  const decoder = decoding.createDecoder(bytes);
  try {
    if (decoding.readUint8(decoder) !== FORMAT) return null;
    if (decoding.readVarUint(decoder) !== updates.length) return null;
    const outlines: UpdateSection[][] = [];
    for (const update of updates) {
      const sections = locateSections(decoder, update);
      if (sections === null) return null;
      outlines.push(sections);
    }
    return decoding.hasContent(decoder) ? null : outlines;
  } catch {
    // lib0 throws at the end of the bytes.
    return null;
  }
}

function locateSections(decoder: decoding.Decoder, update: Uint8Array): UpdateSection[] | null {
  const heads = decoding.createDecoder(update);
  const count = decoding.readVarUint(decoder);
  if (decoding.readVarUint(heads) !== count) return null;
  const sections: UpdateSection[] = [];
  for (let left = count; left > 0; left--) {
    const clocks = decoding.readVarUint(decoder);
    const length = decoding.readVarUint(decoder);
    const structs = decoding.readVarUint(heads);
    const client = decoding.readVarUint(heads);
    const clock = decoding.readVarUint(heads);
    const offset = heads.pos;
    if (clocks < structs || length < 2 * structs) return null;
    sections.push({ client, clock, end: clock + clocks, structs, offset, length });
    heads.pos += length;
  }
  return heads.pos < update.length ? sections : null;
}
