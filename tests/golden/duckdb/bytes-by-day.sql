-- Rows of silent interfaces are near misses: they are no flows of their day.
-- has: 2023-09-14T00:00:00Z | 296
-- lacks: 2023-09-14T00:00:00Z | 309
SELECT moment("start" - "start" % 86400) d, count(*), sum(packets), sum(bytes) FROM vpc WHERE packets IS NOT NULL AND "start" IS NOT NULL GROUP BY 1 ORDER BY 1
