//go:build linux

#include "go_asm.h"
#include "textflag.h"

// Numbers of system calls (arch/x86/entry/syscalls/syscall_64.tbl).
#define SYS_read 0
#define SYS_write 1
#define SYS_rt_sigprocmask 14
#define SYS_clone 56
#define SYS_arch_prctl 158
#define SYS_exit_group 231

#define SIG_SETMASK 2
#define ARCH_GET_FS 0x1003

// Places in struct user_regs_struct (arch/x86/include/asm/user_64.h).
#define REG(n) (area_regs+8*n)

// func fork(a *area) int
//
// The registers written down are those at the return to the caller, so that a
// debugger sees an ordinary Go frame on top. What the ABI lets an assembly
// function destroy has no meaning there.
TEXT ·fork(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ a+0(FP), AX
	MOVQ R15, REG(0)(AX)
	MOVQ R14, REG(1)(AX)
	MOVQ R13, REG(2)(AX)
	MOVQ R12, REG(3)(AX)
	MOVQ BP, REG(4)(AX)
	MOVQ BX, REG(5)(AX)
	MOVQ R11, REG(6)(AX)
	MOVQ R10, REG(7)(AX)
	MOVQ R9, REG(8)(AX)
	MOVQ R8, REG(9)(AX)
	MOVQ AX, REG(10)(AX)
	MOVQ CX, REG(11)(AX)
	MOVQ DX, REG(12)(AX)
	MOVQ SI, REG(13)(AX)
	MOVQ DI, REG(14)(AX)
	MOVQ $-1, REG(15)(AX) // orig_rax: not in a system call
	MOVQ AX, R12
	MOVQ 0(SP), BX
	MOVQ BX, REG(16)(R12) // rip
	MOVQ $0x33, REG(17)(R12) // cs and ss of 64-bit programs
	LEAQ 8(SP), BX
	MOVQ BX, REG(19)(R12) // rsp
	MOVQ $0x2b, REG(20)(R12)
	PUSHFQ
	POPQ BX
	MOVQ BX, REG(18)(R12) // eflags

	MOVL $ARCH_GET_FS, DI
	LEAQ REG(21)(R12), SI
	MOVL $SYS_arch_prctl, AX
	SYSCALL
	MOVQ AX, area_fsErr(R12)

	MOVL $SIG_SETMASK, DI
	LEAQ area_all(R12), SI
	LEAQ area_old(R12), DX
	MOVL $8, R10
	MOVL $SYS_rt_sigprocmask, AX
	SYSCALL
	TESTQ AX, AX
	JNE fail

	XORL DI, DI // no CLONE_VM, no exit signal
	XORL SI, SI // the same stack pointer
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $SYS_clone, AX
	SYSCALL
	TESTQ AX, AX
	JEQ image

	MOVQ AX, R13
	MOVL $SIG_SETMASK, DI
	LEAQ area_old(R12), SI
	XORL DX, DX
	MOVL $8, R10
	MOVL $SYS_rt_sigprocmask, AX
	SYSCALL
	MOVQ R13, AX
fail:
	MOVQ AX, ret+8(FP)
	RET
image:
	JMP ·serve(SB)

// serve is the life of the image: R12 is the shared memory. It uses no stack,
// calls nothing, and ends when the parent's pipe does.
TEXT ·serve(SB), NOSPLIT|NOFRAME, $0-0
batch:
	MOVQ area_count(R12), R13
	LEAQ area_ops(R12), BX
	XORL R15, R15
next:
	CMPQ R15, R13
	JGE reply
	MOVQ (op_args+0)(BX), DI
	MOVQ (op_args+8)(BX), SI
	MOVQ (op_args+16)(BX), DX
	MOVQ (op_args+24)(BX), R10
	MOVQ (op_args+32)(BX), R8
	MOVQ (op_args+40)(BX), R9
	MOVQ op_nr(BX), AX
	SYSCALL
	MOVQ AX, op_ret(BX)
	CMPQ op_check(BX), $0
	JEQ good
	CMPQ AX, op_want(BX)
	JNE reply
good:
	ADDQ $op__size, BX
	INCQ R15
	JMP next
reply:
	MOVQ R15, area_done(R12)
	MOVQ area_resp(R12), DI
	LEAQ area_token(R12), SI
	MOVL $1, DX
	MOVL $SYS_write, AX
	SYSCALL
	CMPQ AX, $1
	JNE end
	MOVQ area_ctl(R12), DI
	LEAQ area_token(R12), SI
	MOVL $1, DX
	MOVL $SYS_read, AX
	SYSCALL
	CMPQ AX, $1
	JEQ batch
end:
	XORL DI, DI
	MOVL $SYS_exit_group, AX
	SYSCALL
	JMP end
