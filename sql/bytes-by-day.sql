-- title: Bytes by day
-- meaning: flows, packets and bytes of each day in the time zone asked for
-- fields: start, packets, bytes
SELECT date_trunc('day', start_time) AS day,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE packets IS NOT NULL AND start IS NOT NULL
GROUP BY date_trunc('day', start_time)
ORDER BY day
