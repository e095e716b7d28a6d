-- has: BPA
-- lacks: eni-web3
SELECT reject_reason, interface_id, count(*) n, count(DISTINCT srcaddr), sum(packets) FROM vpc WHERE reject_reason IS NOT NULL GROUP BY 1, 2 ORDER BY n DESC, 1, 2
