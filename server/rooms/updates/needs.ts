/**
 * What must be known before an update can be integrated: the highest clock needed of each client, as one
 * flat list [client, clock, …], built up need by need.
 */
export class Needs {
  readonly list: number[] = [];
  #places: Map<number, number> | null = null;

  add(client: number, clock: number): void {
    const place = this.#find(client);
    if (place === -1) {
      this.#places?.set(client, this.list.length);
      this.list.push(client, clock);
    } else if ((this.list[place + 1] as number) < clock) {
      this.list[place + 1] = clock;
    }
  }

  #find(client: number): number {
    if (this.#places !== null) return this.#places.get(client) ?? -1;
    const { list } = this;
    for (let place = 0; place < list.length; place += 2) {
      if (list[place] === client) return place;
    }
    // Nearly every update names one or two other clients; a Map pays from eight on.
    if (list.length < 16) return -1;
    this.#places = new Map();
    for (let place = 0; place < list.length; place += 2) {
      this.#places.set(list[place] as number, place);
    }
    return -1;
  }
}
