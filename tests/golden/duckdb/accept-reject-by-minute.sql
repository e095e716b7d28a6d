-- Rows of silent interfaces are near misses: they are no flows of their minute.
-- has: 2023-09-13T00:05:00Z | 0 | 1
-- lacks: 2023-09-14T00:10:00Z | 0 | 0
SELECT moment("start" // 60 * 60) m, sum((action = 'ACCEPT')::INT), sum((action = 'REJECT')::INT), sum(if(action = 'ACCEPT', bytes, 0)), sum(if(action = 'REJECT', bytes, 0)) FROM vpc WHERE action IS NOT NULL AND "start" IS NOT NULL GROUP BY 1 ORDER BY 1
