"""The sample unit of the tests on pymodbus 3.0, as units 1 and 2: "tcp PORT" or "rtu DEVICE"."""
import sys

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server import StartSerialServer, StartTcpServer
from pymodbus.transaction import ModbusRtuFramer

REGISTERS = {0: 2305, 1: 0xFFF6, 2: 1, 3: 2, 4: 0x435C, 5: 0x8000, 6: 0x1234, 7: 0x8001}
BITS = {0: True, 1: False, 2: True}


def unit():
    return ModbusSlaveContext(
        di=ModbusSparseDataBlock(dict(BITS)), co=ModbusSparseDataBlock(dict(BITS)),
        hr=ModbusSparseDataBlock(dict(REGISTERS)), ir=ModbusSparseDataBlock(dict(REGISTERS)), zero_mode=True)


context = ModbusServerContext(slaves={1: unit(), 2: unit()}, single=False)
if sys.argv[1] == "tcp":
    StartTcpServer(context=context, address=("127.0.0.1", int(sys.argv[2])), ignore_missing_slaves=True)
else:
    StartSerialServer(context=context, framer=ModbusRtuFramer, port=sys.argv[2], baudrate=115200, timeout=0.005, ignore_missing_slaves=True)
