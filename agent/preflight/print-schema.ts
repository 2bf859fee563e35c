// Prints report.schema.json; run it when report-schema.ts has changed.
import { reportJsonSchema } from './report-schema.ts';

process.stdout.write(`${JSON.stringify(reportJsonSchema(), null, 2)}\n`);
