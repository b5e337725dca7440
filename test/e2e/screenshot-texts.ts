/** What people have written in the pictures. */
export const PLAN: string = `# Release plan
Everybody who has the link writes here at once. What is **saved** is on disk, and stays there.
## Before Friday
[ ] Freeze the protocol
Run the chaos suite on three regions
Write the notes

## Who does what
- Ada: the cluster, and \`kill -9\`
Ben: the documents
Cleo: clients that were offline

> A promise is worth what is tested.`;

export const NOTES: string = `## What they said
- “I never know whether it is saved.”
“On the train it just stops.”
`;

export const CODE: string = `import { SynclineProvider } from 'syncline/client';
import * as Y from 'yjs';

const doc = new Y.Doc();
const provider = new SynclineProvider('wss://example.org', 'notes', doc);
provider.on('status', ({ state, unsavedChanges }) => {
// 'saved' means: on disk on the server
console.log(state, unsavedChanges);
});
await provider.whenSaved();
`;
