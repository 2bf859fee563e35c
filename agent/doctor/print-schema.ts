// Prints report.schema.json; run it when report-schema.ts has changed.
import { doctorJsonSchema } from './report-schema.ts';

process.stdout.write(`${JSON.stringify(doctorJsonSchema(), null, 2)}\n`);
