-- has: 10.0.2.20 | 10.0.3.30 | 46000 | 5432 | 6 | 2
-- lacks: 47000
WITH flow AS (SELECT *, concat_ws('|', srcaddr, dstaddr, srcport, dstport, protocol) AS flow FROM vpc WHERE bytes > 0),
one AS (SELECT flow, interface_id, sum(bytes) b FROM flow GROUP BY 1, 2),
twice AS (SELECT flow, count(*) n, max(b) b, sum(b) - max(b) extra FROM one GROUP BY 1 HAVING n >= 2)
SELECT split_part(flow, '|', 1) s, split_part(flow, '|', 2) d, split_part(flow, '|', 3)::INT sp, split_part(flow, '|', 4)::INT dp, split_part(flow, '|', 5), n, b, extra
FROM twice ORDER BY extra DESC, s, d, sp, dp LIMIT 20
